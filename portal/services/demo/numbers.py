"""Three hundred DIDs, from ranges that regulators keep for films and books where there are such."""

from collections.abc import Iterator
from random import Random

# country: first numbers of ranges, all set aside for fiction: Ofcom, the NANP's 555-01xx, Arcep,
# Bundesnetzagentur, ACMA, PTS.
RANGES = {
    "GB": [
        "+442079460100", "+441134960200", "+441214960300", "+441314960400", "+441414960500", "+441614960600",
        "+441174960150", "+441514960250", "+441144960350", "+441914980450",
    ],
    "GB free": ["+448081570100"],
    "US": ["+12125550100", "+13125550110", "+14155550120", "+16175550130", "+15125550140", "+19075550150"],
    "US free": ["+18005550100", "+18885550110"],
    "DE": ["+493023125100", "+496990009200", "+494066969300", "+498999998400"],
    "FR": ["+33199001200", "+33465711300", "+33353011400"],
    "SE": ["+46846500410"],
    "AU": ["+61255501200", "+61370101300"],
}  # fmt: skip
# How many of each are in stock, beside those that customers have.
STOCK = {"GB": 18, "US": 10, "DE": 6, "FR": 4, "SE": 3, "AU": 5, "GB free": 2, "US free": 2}
ALL = 300


def numbers_of(kind: str) -> Iterator[str]:
    """The numbers of a kind, taking from each of its ranges in turn."""
    firsts = RANGES[kind]
    step = 0
    while True:
        for first in firsts:
            yield f"+{int(first) + step}"
        step += 1


def kind_for(currency: str, country: str, random: Random) -> str:
    """The kind of number that a customer takes next."""
    if currency == "GBP":
        return "GB"
    if currency in ("USD", "JPY", "KWD"):
        return "US free" if random.random() < 0.12 and currency != "KWD" else "US"
    return country if country in ("DE", "FR") else random.choice(("DE", "FR", "SE"))


def shares(weights: list[int], total: int) -> list[int]:
    """How many of `total` go to each, one at least, the rest by weight."""
    rest = total - len(weights)
    found = [1 + rest * weight // sum(weights) for weight in weights]
    for index in range(total - sum(found)):
        found[index] += 1
    return found
