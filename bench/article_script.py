"""Customer segmentation as the article's reader would script it: which k, the segments, a page.

    python bench/article_script.py CUSTOMERS.csv PAGE.html

Elbow, silhouette and gap over k = 1..12, k-means with 5 clusters, and a 3-D scatter of all customers. It
uses nothing of this project.
"""

import sys

import numpy as np
import pandas as pd
import plotly.express as px
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

KS = range(1, 13)
FINAL_K = 5
FEATURES = ["products_purchased", "complains", "money_spent"]
REFERENCES, GAP_SAMPLE = 10, 1000


def fit_clusters(x: np.ndarray, k: int) -> KMeans:
    """The article's k-means."""
    return KMeans(n_clusters=k, init="k-means++", max_iter=400, random_state=42).fit(x)


def compute_gap(x: np.ndarray, k: int, rng: np.random.Generator) -> float:
    """The gap statistic: log inertia on uniform references, minus that on the data."""
    low, high = x.min(axis=0), x.max(axis=0)
    references = [
        np.log(fit_clusters(rng.uniform(low, high, x.shape), k).inertia_) for _ in range(REFERENCES)
    ]
    # A few distinct rows can be fitted without any error.
    return float(np.mean(references) - np.log(max(fit_clusters(x, k).inertia_, 1e-12)))


def main(source: str, page: str) -> None:
    """Print the three curves, and write the page."""
    customers = pd.read_csv(source)
    x = customers[FEATURES].to_numpy(float)
    rng = np.random.default_rng(42)
    sample = x[rng.choice(len(x), min(GAP_SAMPLE, len(x)), replace=False)]
    curves = []
    for k in KS:
        model = fit_clusters(x, k)
        silhouette = (
            silhouette_score(x, model.labels_, sample_size=10_000, random_state=42) if k > 1 else None
        )
        curves.append(
            {"k": k, "inertia": model.inertia_, "silhouette": silhouette, "gap": compute_gap(sample, k, rng)}
        )
    print(pd.DataFrame(curves).to_string(index=False))
    customers["segment"] = fit_clusters(x, FINAL_K).labels_.astype(str)
    figure = px.scatter_3d(customers, x=FEATURES[0], y=FEATURES[1], z=FEATURES[2], color="segment")
    figure.write_html(page)


if __name__ == "__main__":
    main(*sys.argv[1:])
