"""Words that the project does not use, each with what to write instead.

Names are checked by test_conventions_names.py, prose by test_conventions_prose.py.
"""

# A name must say what its value is. These say only that there is one, or that something happened to it.
_PRONOUNS = """
    one ones other others another each every either neither both all_ any_ some none many few more most
    such same rest it its them they their he him his she her own mine this that these those here there
    what which who whom whose why when where how now then before after again ever still once
    of at by up off
"""
_PARTICIPLES = """
    asked been began begun built called chosen done drawn ended found given gone got had kept known made
    meant met named put read said seen sent settled shown spent taken told tried turned wanted was went were
    written
"""
PRONOUNS, PARTICIPLES = frozenset(_PRONOUNS.split()), frozenset(_PARTICIPLES.split())

# Prefixes of functions, classes and modules.
BANNED_PREFIXES = {
    "find_": "get_, look_up_, compute_, estimate_, detect_, infer_, list_ or resolve_",
    "tell_": "format_, render_, describe_ or summarise_",
    "settle": "what is settled: finalise_run, deduplicate, resolve_as_of, decide_k, choose_id",
    "hold_": "lock_, or staging_session; held is for editions",
    "look_again": "clip_outliers, check_again",
    "weigh_": "evaluate",
    "recall": "rescore",  # but a value may be called recall: with precision, it is a term
    "mend_": "repair_",
    "say_": "format_ or describe_",
}

# Names that a library looks up.
PROTOCOL_NAMES = {"find_spec": "importlib"}

# Whole names of modules, classes, functions and values.
BANNED_NAMES = {
    "Memory": "PreviousEdition",
    "memory": "previous",
    "weigh": "evaluate",
    "weighing": "evaluating",
    "Bench": "EvaluationSample",
    "bench": "sample",
    "looks": "outliers",
    "look_again": "clip_outliers",
    "chronicle": "segment_history",
    "origins": "previous_segments",
    "membership": "join",
    "relabelling": "relabel",
    "Crossing": "Contingency",
    "crossing": "contingency",
    "Quartet": "PartFiles",
    "quartet": "part_files",
    "Cast": "LabelMapping",
    "portraits": "profiles",
    "portrait": "profile",
    "quantities": "formatting",
    "movements": "migration",
    "story": "context",
    "Story": "Context",
    "headline": "summary",
    "Headline": "Summary",
    "lives": "lifecycles",
    "Asked": "Request, or the noun it asks for",
    "Told": "Report, or the noun it describes",
    "Tried": "Trial",
    "Made": "the noun of what is made",
    "aside": "excluded, superseded or perpendicular",
    "set_aside": "excluded or superseded",
    "say": "format or describe",
    "tell": "format, render, describe or summarise",
    "hold": "lock",
    "settle": "what is settled: finalise_run, deduplicate, resolve_as_of",
    "picture": "image; no module next to its own plural",
    "store_index": "one module for the index page",
}

BANNED_MODULES = dict.fromkeys(
    ("util", "utils", "helper", "helpers", "common", "misc", "base", "core", "shared"),
    "the idea that its functions share",
)

# Prose: a pattern and what to write instead. None of the first list may occur at all.
BANNED_PHRASES = {
    r"whom": "who, or turn the sentence round",
    r"anew": "again",
    r"mend(s|ed|ing)?": "repair, correct, fix",
    r"g(ive|ives|ave|iven|iving) way": "yield, be skipped, be cancelled",
    r"(is|are|was|were) (?-i:none)": "there is no …, has no …",
    r"so many": "at most N, N",
    r"upon": "on",
    r"hereby|herein|hereof|therein|thereof|whereby|wherein|whereupon|thereupon": "a plain clause",
    r"[\w/]+\.py's": "lives in FILE",
    r"'s (business|affair)": "lives in FILE; is done by …",
    r"'s to (say|tell|decide|judge)": "lives in FILE; is decided by …",
    r"goes on where": "resumes",
}
RARE_PHRASES = {
    r"(is|are|was|were) no(?! longer)": "is not a, has no",
    r"stands|stood": "is",
    r"lies": "is",
    r"told|tells": "says, shows, prints",
    r"of which": "two sentences, or where",
    r"beside": "next to, besides, with",
    r"bears|bore|borne": "has",
    r"(go|goes|went|gone|going) on": "continue",
    r"hindered?|hinders": "prevent, stop",
    r"aside": "excluded, apart",
    r"nothing but": "only",
    r"nobody's|no one's|somebody's": "who it belongs to",
}
