"""I learn from outcomes: outcome, split, fit, calibrate, evaluate, explain, watch for drift, apply."""
