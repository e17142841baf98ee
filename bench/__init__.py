"""Side-by-side benchmarks: what a user would pick instead, in the same run, as ratios."""
