"""The worked examples of docs/examples.json, and what it takes for an answer to agree with one."""

import json
from pathlib import Path

EXAMPLES = json.loads((Path(__file__).parent.parent / "docs" / "examples.json").read_text())
CHARGED = [example for example in EXAMPLES if "charges" in example["expect"]]
REFUSED = [example for example in EXAMPLES if "refused" in example["expect"]]


def by_id(example):
    """What pytest calls an example."""
    return example["id"]


def without_sentences(answer):
    """An answer without its `why`, each of which has to be there: a sentence."""
    charges = []
    for charge in answer["charges"]:
        why = charge["why"]
        assert isinstance(why, str) and len(why) > 10 and why[0].isupper() and why.endswith("."), why
        charges.append({name: value for name, value in charge.items() if name != "why"})
    return {**answer, "charges": charges}
