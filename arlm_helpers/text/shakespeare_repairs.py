"""Slips of the Markdown source of the plays, repaired before it is read.

``TYPOGRAPHY`` and ``RULES`` hold for every play, ``REPAIRS`` for the named one (each ``wrong`` occurs in
it), ``SPEAKERS`` gives one spelling to a speaker whom a play spells in two ways.
"""

import re

SPLIT = "BISHOP|CARDINAL|COUNTESS|RICHARD|LADY|DON ADRIANO DE|Ghosts?|Varro's"
UNMARKED = (
    "ANTONIO:|CASSIO:|Lord Chief-Justice|Master-Gunner|Lucilius' Servant:?|(?:Varro|Isidore)'s Servant|"
    "(?:(?:First|Second|Third) )?Serving-[Mm][ae]n|ALL SERVING-MEN|Senators, & C"
)
NOT_A_NAME = "Here stand I|As long as you or I|This way will I"
LEFT_OVER = "(?:THE )?SONG|DUMB SHOW|ARIEL'S song|LOVE'S LABOURS LOST|CYMBELINE|OF EPHESUS|Enter FLAMINIUS"

TYPOGRAPHY = (
    ("\r\n", "\n"),
    ("—", "--"),  # as everywhere else in the source
    ("&amp;", "&"),
    ("& c.", "&c."),
    *((f" {mark}", mark) for mark in ",:;!?"),  # a blank before a punctuation mark
)
RULES = tuple(  # each starts at the beginning of a line
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"\n({SPLIT})\n\n+\*\*", r"\n\n**\1 "),  # the first word of a name stands outside its mark-up
        (rf"\n({UNMARKED}) (?=[A-Z'])", r"\n\n**\1**  \n"),  # a name without mark-up, before the speech
        (rf"\n\n\*\*({NOT_A_NAME})\*\* *\n", r"\n\1 "),  # words of the speech in place of a name
        (r"\n\*\*(Scene I+)\*\*|\n(SCENE I+:)", r"\n### \1\2"),  # a heading without mark-up
        (r"\nEPILOGUE *(?=\n)", r"\n**EPILOGUE**  "),
        (r"\nSPOKEN BY PROSPERO *(?=\n)", r"\n**PROSPERO**  "),
        (rf"\n(?:{LEFT_OVER})\.? *(?=\n)", r"\n"),  # headings and a direction within the speech
        (r"\.\.\.(?<!\S\.\.\.) *(?=\n|[A-Z])", ""),  # one line of verse, shared by two speakers
    )
)

REPAIRS = {
    "coriolanus": (
        ("And _\\[Censorinus,]_  \nnobly", "And Censorinus, nobly"),
        ("being _\\[by the people chosen]_  \ncensor", "being by the people chosen censor"),
    ),
    "henry-vi-part-3": (("sha$l", "shall"),),
    "henry-viii": (("\n\nI come no more", "\n\n**PROLOGUE**  \nI come no more"),),
    "measure-for-measure": (("_Boy sings_\n", "**Boy**  "),),
    "the-tempest": (("_Burthen _\\[dispersedly", "_Burthen dispersedly"),),
    "timon-of-athens": (
        ("\n\nO blessed breeding", "\n\n**TIMON**  \nO blessed breeding"),
        ("Both  \nVarro's Servants And ours", "\n**Both Varro's Servants**  \nAnd ours"),
    ),
}

SPEAKERS = {
    "a-midsummer-night-s-dream": {"HERNIA": "HERMIA"},
    "a-winter-s-tale": {"SHEPARD": "SHEPHERD"},
    "coriolanus": {"SENATORS, & C": "SENATORS", "LARTIUS": "TITUS LARTIUS", "TITUS": "TITUS LARTIUS"},
    "henry-iv-part-1": {"WORCESTER": "EARL OF WORCESTER"},
    "henry-vi-part-1": {"SU FFOLK": "SUFFOLK"},
    "henry-vi-part-2": {"FIRST MURDER": "FIRST MURDERER"},
    "henry-vi-part-3": {"PRINCE": "PRINCE EDWARD"},
    "king-john": {"ELINOR": "QUEEN ELINOR"},
    "king-lear": {"LEAR": "KING LEAR"},
    "measure-for-measure": {"POMPHEY": "POMPEY", "DUKE": "DUKE VINCENTIO"},
    "othello": {"SECOND GENTLEMEN": "SECOND GENTLEMAN"},
    "the-comedy-of-errors": {"ANTIPHOLUS": "ANTIPHOLUS OF EPHESUS"},
    "the-merry-wives-of-windsor": {"SHALLOW & PAGE & & C": "SHALLOW & PAGE"},
    "the-taming-of-the-shrew": {"KATARINA": "KATHARINA"},
    "titus-andronicus": {"MARCUS": "MARCUS ANDRONICUS"},
}


def repair(markdown: str, play: str) -> str:
    """The source of one play without its slips."""
    for wrong, right in (*TYPOGRAPHY, *REPAIRS.get(play, ())):
        markdown = markdown.replace(wrong, right)
    for pattern, replacement in RULES:
        markdown = pattern.sub(replacement, markdown)
    return markdown
