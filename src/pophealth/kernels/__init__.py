"""I loop over numbers; I have never heard of a patient."""
