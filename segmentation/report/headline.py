"""The top of the report: one sentence that says it all, why a night is held, and the figures beside it.

What each section says in full is in the sections' own modules.
"""

from segmentation.report.page import Markup, text
from segmentation.report.quantities import change, customers, share
from segmentation.report.story import Story, join_words, spell_date

STRENGTHS = {
    "strong": "the evidence for that number is strong",
    "fair": "the evidence for that number is fair",
    "weak": "the evidence for that number is weak",
    "none": "this divides one crowd, since nothing speaks for separate groups",
}
SECTIONS = {
    "segments": "Segments",
    "changes": "What changed",
    "past": "Over time",
    "profiles": "Profiles",
    "customers": "Customers",
    "evidence": "Why this k",
    "quality": "Data quality",
    "making": "How it was made",
}


def tell_verdict(story: Story) -> str:
    """Date, customers, k, evidence, what moved, and whether it was published, in one sentence.

    `live` is not said: which of the published editions is live is the store's to say, and may change.
    """
    k = len(story.ids)
    groups = "one segment" if k == 1 else f"{k} segments"
    parts = [
        f"On {spell_date(story.night.as_of)}, {customers(story.total)} form {groups}",
        STRENGTHS[story.choice.strength],
        tell_moved(story),
    ]
    end = "published" if story.verdict.may_publish else "held by a check, so not live"
    return f"{'; '.join(parts)}; {end}."


def tell_moved(story: Story) -> str:
    """What moved since the edition before, in a clause."""
    churn, before = story.aligned.churn, story.memory.as_of
    if before is None:
        return "there is no edition before it to compare with"
    since = f"since {spell_date(before)}"
    if churn is None:
        return f"{since}, nobody can be followed, as rows bear no customer id"
    moved = churn.behaviour + churn.model
    stayed = moved + churn.stayed
    told = [f"{moved:,} of {customers(stayed)} ({share(churn.moved_share)}) changed segment"]
    told += [f"{count:,} {word}" for count, word in ((churn.joined, "joined"), (churn.left, "left")) if count]
    return f"{since}, {join_words(told)}"


def tell_alarms(story: Story) -> list[str]:
    """Why the edition is held, and what else the checks found."""
    reasons, warnings = story.verdict.reasons, story.verdict.warnings
    told = []
    if reasons:
        lines = "".join(f"<li>{text(one)}</li>" for one in reasons)
        told.append(
            f'<div class="alarm" role="note"><p><strong>Held, not live.</strong> '
            f"{'A required check' if len(reasons) == 1 else f'{len(reasons)} required checks'} failed:</p>"
            f"<ul>{lines}</ul><p>The edition before it stays live until the input is mended, or a person "
            f"promotes this one: <code>resegment promote {story.night.segmentation.name} --as-of "
            f"{story.night.as_of} --reason …</code></p></div>"
        )
    if warnings:
        lines = "".join(f"<li>{text(one)}</li>" for one in warnings)
        told.append(f'<div class="alarm mild" role="note"><p>Worth a look:</p><ul>{lines}</ul></div>')
    return told


def list_tiles(story: Story) -> list[tuple[str, str, str]]:
    """Name, figure and remark of each tile."""
    memory, churn, counted = story.memory, story.aligned.churn, story.customers
    first = "first edition" if memory.is_cold else ""
    before = f"on {memory.as_of}"
    grown = "" if memory.is_cold else f"{change(story.total - memory.customers)} since {memory.as_of}"
    segments = "" if memory.is_cold else f"{memory.k} {before}"
    moved = share(churn.moved_share) if churn else "\N{EM DASH}"
    why = (
        f"{churn.behaviour:,} by behaviour, {churn.model:,} by the model"
        if churn
        else first or "rows bear no id"
    )
    checks = story.verdict.checks
    passed = sum(one.passed for one in checks)
    failed = [one.name for one in checks if not one.passed]
    return [
        ("Customers", f"{story.total:,}", grown or first),
        ("Segments", str(len(story.ids)), segments or first),
        ("Changed segment", moved, why),
        ("Rows refused", share(counted.quarantined / max(1, counted.read)), f"of {counted.read:,} read"),
        ("Checks passed", f"{passed} of {len(checks)}", ", ".join(failed) or "all of them"),
    ]


def tell_top(story: Story) -> list[str]:
    """The page's header and its ways to the sections."""
    segmentation, passes = story.night.segmentation, story.verdict.may_publish
    badge = Markup(
        f'<span class="badge{"" if passes else " bad"}">{"Published" if passes else "Held"}</span>'
    )
    tiles = "".join(
        f'<div class="tile"><dt>{text(name)}</dt><dd>{text(figure)}<small>{text(remark)}</small></dd></div>'
        for name, figure, remark in list_tiles(story)
    )
    links = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title in SECTIONS.items())
    return [
        '<a class="skip" href="#segments">To the segments</a>',
        '<header class="top">',
        f"<h1>{text(segmentation.name)} · {story.night.as_of} {badge}</h1>",
        f'<p class="verdict">{text(tell_verdict(story))}</p>',
        *tell_alarms(story),
        f'<dl class="tiles">{tiles}</dl>',
        *([f'<p class="note">{text(segmentation.description)}</p>'] if segmentation.description else []),
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>',
        "</header>",
        "<main>",
    ]


def open_section(key: str) -> str:
    """A section's start; it is closed by the next."""
    return f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{SECTIONS[key]}</h2>'


def tell_end(story: Story) -> list[str]:
    """The page's last line."""
    key = story.rows.key
    return [
        f"<footer><p>Edition {text(key.edition)} of {text(story.night.segmentation.name)}, "
        f"{story.night.as_of}. This page is one file: it can be kept, sent and printed, and asks nothing of "
        "any server.</p></footer>"
    ]
