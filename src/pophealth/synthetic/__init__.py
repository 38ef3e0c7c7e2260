"""I make people up: seeded networks for the demo, the tests and the benchmarks."""

from pophealth.synthetic.facts import Facts
from pophealth.synthetic.generate import generate
from pophealth.synthetic.truth import true_risks

__all__ = ["Facts", "generate", "true_risks"]
