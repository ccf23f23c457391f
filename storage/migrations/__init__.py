"""The schema's history, one file per step, run upward at every start. Knows no table but as it was then."""
