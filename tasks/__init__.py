"""One stage per file: pure functions first, the @task that composes them last."""
