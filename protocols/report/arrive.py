"""The ARRIVE 2.0 checklist filled from the data, and a draft of the Methods.

Items by number after Percie du Sert et al. 2020, PLoS Biol 18:e3000410; the wording is our own.
"""

from protocols.allocation.model import RISKS
from protocols.report.blocks import Checklist, Item
from protocols.report.records import Records
from protocols.report.saying import counted, day, distinct, listed, number, plainly, spread
from protocols.scoring import StudyScores
from protocols.study import Study


def checklist(study: Study, found: StudyScores, records: Records, software: str) -> Checklist:
    """Every item of ARRIVE 2.0; blank where only the authors can tell."""
    plan, rules, said = study.plan, found.rules, study.plan.authors
    groups = listed([_group(study, one.name) for one in plan.group])
    counts = "told when the key has been opened"
    if not found.blinded:
        by = [(g.name, sum(a.group == g.name for a in found.animals)) for g in plan.group]
        counts = listed([f"{n} in {name}" for name, n in by])
    out = len({row["animal"] for row in records.exclusions})
    lines = [
        (
            "1",
            "Study design: groups, controls, experimental unit",
            f"{counted(len(plan.group), 'group')}: {groups}. The experimental unit is the animal.",
        ),
        (
            "2",
            "Sample size: how many, and how that was decided",
            f"{len(records.animals)} animals entered;"
            f" analysed: {counts}. "
            + (said.sample_size or "How the number was decided is for the authors to say."),
        ),
        (
            "3",
            "Inclusion and exclusion: criteria, who was left out, numbers in each analysis",
            f"{_exclusion(study)} The criteria were fixed at {day(records.study['created'])},"
            f" before the first animal. {counted(out, 'animal')}"
            " left out by them; the flow chart has each.",
        ),
        (
            "4",
            "Randomisation: method, and what was done against confounders",
            _random(study, records),
        ),
        ("5", "Blinding: who knew what at each stage", _blind(found, records)),
        (
            "6",
            "Outcome measures, and the primary one",
            f"{plainly(rules.primary)}{_window(found)}; {rules.why}.",
        ),
        (
            "7",
            "Statistical methods, and whether assumptions were met",
            "Named at each result with the software, and what each test takes for granted."
            " The program's one covariate is the pre-test, in the analysis of covariance under"
            " Secondary results."
            + (f" The authors on covariates: {said.covariates}" if said.covariates else ""),
        ),
        (
            "8",
            "Experimental animals: species, strain, sex, age, weight, provenance",
            _animals(records),
        ),
        (
            "9",
            "Experimental procedures: what, how, when, where, why",
            f"Protocol {records.study['protocol']} version {records.study['protocol_version']}"
            f" (SHA-256 {records.study['protocol_sha256'][:12]}...), carried out and recorded by"
            f" {software}. {said.procedures or 'Why is for the authors to say.'}",
        ),
        (
            "10",
            "Results: summary, variability, effect size with interval",
            "Under Result and Secondary results." if not found.blinded else "After unblinding.",
        ),
        ("11", "Abstract", said.abstract),
        ("12", "Background and rationale", said.background),
        ("13", "Objectives", said.objectives),
        ("14", "Ethical statement: approval, licence, protocol number", said.ethics),
        (
            "15",
            "Housing and husbandry",
            "; ".join(text for text in (_housing(records), said.housing) if text),
        ),
        (
            "16",
            "Animal care and monitoring: adverse events, humane endpoints",
            f"{counted(len(records.adverse), 'adverse event')} recorded. {_humane(study)}",
        ),
        ("17", "Interpretation and scientific implications", said.interpretation),
        ("18", "Generalisability and translation", said.generalisability),
        (
            "19",
            "Protocol registration",
            f"{said.registration or 'Not known to the program;'} the rules' SHA-256 is"
            f" {rules.sha256}.",
        ),
        (
            "20",
            "Data access",
            said.data_access
            or "placepref export STUDY --to share makes one folder with tables, rules and a script"
            " that computes the scores again.",
        ),
        ("21", "Declaration of interests and funding", said.interests),
    ]
    return Checklist([Item(*line) for line in lines])


def methods(study: Study, found: StudyScores, records: Records, software: str) -> list[str]:
    """A draft of the Methods, in paragraphs; what the data do not tell is in brackets."""
    plan, rules = study.plan, found.rules
    animals = _animals(records)
    tests = [s for one in found.measured.values() for s in one.sessions.values()]
    length = sorted({round(s.test_s / 60) for s in tests if s.phase in ("pretest", "posttest")})
    apparatus = listed(sorted({s.apparatus.name for s in tests}))
    entry = sorted(
        {
            f"{s.apparatus.entry.point} at least {number(s.apparatus.entry.hysteresis_cm)} cm"
            f" inside for {number(s.apparatus.entry.min_dwell_s)} s"
            for s in tests
        }
    )
    if found.rules.case is not None:
        entry = [
            f"{rules.point or 'the apparatus' + chr(39) + 's own point'}, hysteresis"
            f" {rules.hysteresis_cm or 'as recorded'}, dwell"
            f" {rules.min_dwell_s or 'as recorded'}"
        ]
    days = "; ".join(f"{a} and {b}" for a, b in plan.conditioning)
    drugs = listed([_group(study, one.name) for one in plan.group])
    said = plan.authors
    known = [one for one in (said.ethics, said.housing, said.sample_size) if one]
    asked = (
        ("approval", said.ethics),
        ("housing", said.housing or _housing(records)),
        ("how the number of animals was decided", said.sample_size),
    )
    lacks = [what for what, text in asked if not text]
    first = " ".join(
        [
            f"{len(records.animals)} animals were used: {animals}",
            *(one if one.endswith(".") else f"{one}." for one in known),
            *([f"[Add {listed(lacks)}.]"] if lacks else []),
        ]
    )
    second = (
        f"Place conditioning followed protocol {records.study['protocol']} in an apparatus with"
        f" {apparatus or '[apparatus]'}. Tests lasted {listed([str(m) for m in length]) or '[..]'}"
        f" min. Conditioning sessions ({days or 'none'}) confined the animal to one chamber, with"
        f" drug in one of each pair and vehicle in the other; groups: {drugs}. {_exclusion(study)}"
    )
    third = f"{_random(study, records)} {_blind(found, records)}"
    fourth = (
        f"Sessions were recorded and scored by {software}; an animal counted as in a chamber when"
        f" its position was {listed(entry) or '[entry rule]'}. Time in which it was not seen"
        " was not counted unless walls left it only one place to be. The primary measure was"
        f" {plainly(rules.primary)}{_window(found)}; {rules.why}. Intervals are bootstrap (BCa,"
        " 2,000 resamples) or of the test; p values of several groups are corrected by Holm."
        " Statistics: scipy, statsmodels, pingouin."
    )
    return [first, second, third, fourth]


def _group(study: Study, name: str) -> str:
    group = next(one for one in study.plan.group if one.name == name)
    dose = f" {number(group.dose_mg_kg, 1)} mg/kg" if group.dose_mg_kg else ""
    drug = study.plan.drug_named(group.drug)
    route = f" {drug.route}" if getattr(drug, "route", "") else ""
    return f"{name} ({group.drug}{dose}{route}; vehicle {group.vehicle})"


def _window(found: StudyScores) -> str:
    if found.rules.window_s is None:
        return " over the whole test"
    return f" over the first {number(found.rules.window_s, 0)} s of both tests"


def _exclusion(study: Study) -> str:
    told = study.plan.exclusion.model_dump(exclude_none=True)
    if not told:
        return "No animal was to be left out by its pre-test."
    words = listed([f"{name.replace('_', ' ')} {value:g}" for name, value in told.items()])
    return f"Animals were left out after the pre-test by these limits: {words}."


def _random(study: Study, records: Records) -> str:
    if not records.allocations:
        return "Nothing is allocated yet."
    one = records.allocations[0]
    risk = RISKS.get(study.plan.design, "")
    unmet = listed([str(a["unmet"]) for a in records.allocations if a["unmet"]])
    return (
        f"Pairing, group and order were drawn by the program after the pre-test"
        f" ({study.plan.design} design, algorithm {one['algorithm']}; blocks of like animals, then"
        " swaps until each group"
        " was balanced over side, box, sex, cage and order), with a seed that is sealed with the"
        f" allocation (SHA-256 {one['sha256'][:12]}...)."
        + (f" Not kept: {unmet}." if unmet else " All constraints were kept.")
        + (f" {risk}" if risk else "")
    )


def _blind(found: StudyScores, records: Records) -> str:
    opened = [e for e in records.key_events if e["action"] == "key_opened" and e["scope"] != "all"]
    early = (
        f" In an emergency the key was opened for {listed([e['scope'] for e in opened])}."
        * bool(opened)
    )
    if found.revealed is None:
        return (
            "Group, drug and pairing are sealed; sessions run under labels that tell neither."
            f" The key has not been opened.{early}"
        )
    return (
        "Group, drug and pairing were sealed; sessions ran under"
        f" labels that tell neither, and scoring was automatic. The key was opened at"
        f" {day(found.revealed.at)} ({found.revealed.reason}).{early}"
    )


def _animals(records: Records) -> str:
    rows = records.animals
    sexes = [
        f"{sum(r['sex'] == s for r in rows)} {name}"
        for s, name in (("F", "female"), ("M", "male"))
        if any(r["sex"] == s for r in rows)
    ]
    weights: dict[str, float] = {}
    for one in records.weights:
        weights.setdefault(one["animal"], one["weight_g"])
    told = [
        listed(sexes),
        distinct(rows, "strain"),
        distinct(rows, "genotype"),
        f"{distinct(rows, 'species')}" if distinct(rows, "species") else "",
        f"from {distinct(rows, 'vendor')}" if distinct(rows, "vendor") else "",
        spread(list(weights.values()), "g at entry"),
        f"born {min(b)} to {max(b)}" if (b := [r["born"] for r in rows if r["born"]]) else "",
    ]
    return ", ".join(one for one in told if one) + "."


def _humane(study: Study) -> str:
    """The humane endpoints: the rule on weight, and what the authors say."""
    rule = study.plan.humane
    told = []
    if rule.weight_loss_max is not None:
        told.append(
            f"By the rules an animal is out at a loss of {100 * rule.weight_loss_max:.0f} % of its"
            f" {rule.against} weight."
        )
    if study.plan.authors.humane_endpoints:
        told.append(study.plan.authors.humane_endpoints)
    return " ".join(told) or "Humane endpoints are for the authors to say."


def _housing(records: Records) -> str:
    names = (
        ("housing", "housing"),
        ("light_cycle", "light"),
        ("enrichment", "enrichment"),
        ("diet", "diet"),
    )
    told = [
        f"{name}: {said}" for column, name in names if (said := distinct(records.animals, column))
    ]
    return "; ".join(told)
