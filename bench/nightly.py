"""Nights next to what others would use, as ratios: `python -m bench.nightly`.

The first night, and a steady night after it on which 1 % of the customers have changed, against a Prefect
server that is already up, as in production. In the same run the loop of scikit-learn, MiniBatchKMeans and
faiss; and the article's night against a script that does what the article describes.
"""

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench.inputs import NIGHTS, write_definition
from bench.measure import (
    Results,
    Workplace,
    get_median,
    list_ratios,
    run_side,
    run_two_nights,
    time_process,
)
from bench.server import running_server
from bench.tables import Goal, SideColumn, format_setting, format_sides
from config.definition import BUILT_IN
from segmentation.samples.catalogue import article_table

PEERS = {"sklearn": "scikit-learn loop", "minibatch": "MiniBatchKMeans loop", "faiss": "faiss loop"}
LABELS = {"first": "first night", "steady": "steady night", **PEERS}
SAMPLES = {"shop": "heavy-tailed customers", "separated": "well-separated clusters"}
# The most that a first and a steady night may take, as shares of the loop's CPU time.
GOALS = {"shop": (1 / 2, 1 / 5), "separated": (1, 1 / 3)}
GOAL_ROWS = 1_000_000  # the goals are set for nights of this size
GOAL_INERTIA, GOAL_ARTICLE = 1.005, 1.6
COMMANDS = {
    "script": "the article as a script",
    "command": "`resegment run article`",
    "bare": "its stages without Prefect",
}
COLUMNS = (
    SideColumn("CPU s", "work_cpu", 2),
    SideColumn("of the loop's (range)", "work_cpu", peer="sklearn"),
    SideColumn("wall s", "work_wall"),
    SideColumn("peak MB", "peak_mb", 0),
    SideColumn("inertia / best of three", "over_best", 4),
)
COMMAND_COLUMNS = (
    SideColumn("CPU s", "cpu"),
    SideColumn("of the script's (range)", "cpu", peer="script"),
    SideColumn("wall s", "wall"),
    SideColumn("server, CPU s", "server_cpu"),
)


def compare_customers(
    sample: str, options: argparse.Namespace, workplace: Workplace
) -> tuple[list[Results], str]:
    """All sides in turn on one sample, with their table."""
    files = [str(workplace.folder / f"{sample}-{number}.parquet") for number in (1, 2)]
    features = write_definition(workplace.folder, f"bench-{sample}", sample)
    job: dict[str, Any] = {"sample": sample, "rows": options.rows, "nights": files, "features": features}
    rows = run_side("write_customers", job, workplace)["rows"]
    job["source"] = files[1]
    best = run_side("bench.peers:best_of_three", job, workplace)["inertia"]
    peers = [name for name in PEERS if name != "faiss" or find_spec("faiss")]
    rounds = []
    for _ in range(options.repeats):
        results = run_two_nights(f"bench-{sample}", files, workplace, "flow")
        results |= {name: run_side(f"bench.peers:{name}", job, workplace) for name in peers}
        for result in results.values():
            result["over_best"] = result["inertia"] / best
        rounds.append(results)
    for path in files:
        Path(path).unlink()
    table = f"### {rows:,} x 8: {SAMPLES[sample]}\n\n{format_sides(rounds, LABELS, COLUMNS)}"
    if "faiss" not in peers:
        table += "\nfaiss is skipped: `faiss-cpu` is not installed (`uv sync --group bench`).\n"
    return rounds, table


def compare_article(repeats: int, workplace: Workplace) -> tuple[list[Results], str]:
    """Whole commands, imports included: the article's script, the command, and the stages without Prefect."""
    import pyarrow.csv as arrow_csv

    data = str(workplace.folder / "article.csv")
    arrow_csv.write_csv(article_table(), data)
    (workplace.folder / "article.yaml").write_bytes((BUILT_IN / "article.yaml").read_bytes())
    script = [sys.executable, str(Path(__file__).with_name("article_script.py")), data]
    page = str(workplace.folder / "article.html")
    command = [str(Path(sys.executable).with_name("resegment")), "run", "article", "--source", data]
    job = {"definition": "article", "definitions": workplace.folder, "as_of": NIGHTS[0], "source": data}
    rounds = []
    for number in range(repeats + 1):
        store = str(workplace.folder / f"article-{number}")
        results: Results = {
            "script": dict(time_process([*script, page], workplace)),
            "command": dict(time_process([*command, "--as-of", str(NIGHTS[0]), "--store", store], workplace)),
            "bare": run_side("bench.without_prefect:bare", job, workplace),
        }
        rounds.append(results)
    rounds = rounds[1:]  # the first runs of a server and of a file cache are slow
    title = "### The article: 24,000 x 3 from CSV, whole command\n"
    return rounds, f"{title}\n{format_sides(rounds, COMMANDS, COMMAND_COLUMNS)}"


def list_night_goals(sample: str, rounds: list[Results]) -> list[Goal]:
    """The goals for one sample of customers."""
    goals = []
    for side, limit in zip(("first", "steady"), GOALS[sample], strict=True):
        ratio = median(list_ratios(rounds, side, "sklearn"))
        goals.append(Goal(f"{SAMPLES[sample]}, {LABELS[side]}: CPU s / scikit-learn loop", ratio, limit))
        inertia = get_median(rounds, side, "over_best")
        goals.append(
            Goal(f"{SAMPLES[sample]}, {LABELS[side]}: inertia / best of three", inertia, GOAL_INERTIA)
        )
    return goals


def main() -> None:
    """Run every comparison, and print each table when it is done."""
    parser = argparse.ArgumentParser(prog="python -m bench.nightly", description=__doc__)
    parser.add_argument("--rows", type=int, default=GOAL_ROWS, help="customers of each sample")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, in each of which every side runs")
    options = parser.parse_args()
    print(format_setting(), flush=True)
    goals = []
    with tempfile.TemporaryDirectory(prefix="resegment-bench-") as name, running_server(Path(name)) as server:
        os.environ["RESEGMENT_DEFINITIONS"] = name
        workplace = Workplace(Path(name), server)
        commands, table = compare_article(options.repeats, workplace)
        print(table, flush=True)
        ratio = median(list_ratios(commands, "command", "script", "cpu"))
        goals.append(Goal("the article, whole command: CPU s / script", ratio, GOAL_ARTICLE))
        for sample in SAMPLES:
            rounds, table = compare_customers(sample, options, workplace)
            print(table, flush=True)
            goals += list_night_goals(sample, rounds) if options.rows >= GOAL_ROWS else []
    print("### Goals\n")
    for goal in goals:
        print(goal.describe())


if __name__ == "__main__":
    main()
