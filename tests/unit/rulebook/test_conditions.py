"""What each form of condition says of a record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from engine.model.finding import UnknownCause
from engine.model.moment import Moment, Precision
from engine.model.quantity import Truth
from engine.model.record import Baseline
from engine.model.result import Result
from engine.rulebook.conditions import View, read_condition
from tests.unit.rulebook.records import situation, verdict

T, F = Truth.TRUE, Truth.FALSE
VALUE, REFERENCE = UnknownCause.VALUE, UnknownCause.REFERENCE
FACT, MISSING = UnknownCause.FACT, UnknownCause.MISSING


def _alt(*values: str) -> str:
    days = range(-7 * (len(values) - 1), 1, 7)
    shown = ", ".join(f'{day}d: "{value} U/L"' for day, value in zip(days, values, strict=True))
    return f"results: {{alt: {{{shown}}}}}"


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        # a number
        ("alt >= 500 U/L", _alt("500"), T),
        ("alt > 500 U/L", _alt("500"), F),
        ("alt >= 500 U/L", _alt(">480"), VALUE),
        ("alt >= 480 U/L", _alt(">480"), T),
        ("alt > 480 U/L", _alt(">480"), T),
        ("alt > 480 U/L", _alt(">=480"), VALUE),
        ("alt < 3.5 U/L", _alt("<10"), VALUE),
        ("alt >= 500 U/L", _alt("<10"), F),
        ("alt <= 10 U/L", _alt("<10"), T),
        ("alt >= 500 U/L", "", MISSING),
        ("tpmt_activity < 10 mU/L", "results: {tpmt_activity: {0d: 9 mU/L}}", T),
        ("tpmt_activity < 10 mU/L", 'results: {tpmt_activity: {0d: "9 nmol/h/g{Hb}"}}', MISSING),
        # a multiple
        ("alt >= 3 x baseline", _alt("102.3") + "\nbaseline: {alt: 34.1 U/L}", T),
        ("alt >= 3 x baseline", _alt("102.2") + "\nbaseline: {alt: 34.1 U/L}", F),
        ("alt >= 3 x baseline", _alt("900"), REFERENCE),
        ("alt >= 3 x baseline", _alt("900") + "\nbaseline: {alt: 0 U/L}", REFERENCE),
        ("alt > 1 x ULN", _alt("41") + "\nranges: {alt: <41}", F),
        ("alt > 1 x ULN", _alt("41.1") + "\nranges: {alt: <41}", T),
        ("alt > 1 x ULN", _alt("41.1") + '\nranges: {alt: ">=10"}', REFERENCE),
        ("alt > 1 x ULN", _alt("41.1"), REFERENCE),
        ("alt > 1 x ULN", _alt("4") + "\nranges: {alt: 0-0}", REFERENCE),
        ("alt < 1 x LLN", _alt("9") + "\nranges: {alt: 10-40}", T),
        ("alt < 1 x LLN", _alt("9") + "\nranges: {alt: 0-40}", F),
        ("alt >= 2 x previous", _alt("30", "60"), T),
        ("alt >= 2 x previous", _alt("30", "59"), F),
        ("alt >= 2 x previous", _alt("60"), REFERENCE),
        ("alt >= 2 x previous", _alt("<10", "20"), T),
        ("alt >= 2 x previous", _alt("<10", "19"), VALUE),
        ("alt >= 2 x previous", _alt(">100", "150"), F),
        ("alt >= 2 x previous", "therapy: {started: -5d}\n" + _alt("30", "60"), T),
        ("alt <= 0.5 x peak", _alt("100", "400", "200"), T),
        ("alt <= 0.5 x peak", _alt("100", "400", "201"), F),
        ("alt <= 0.5 x peak", _alt("100", ">1000", "400"), T),
        ("alt <= 0.5 x peak", _alt("100", ">1000", "600"), VALUE),
        ("alt <= 0.5 x peak", "therapy: {started: -5d}\n" + _alt("400", "200"), F),
        # several results
        ("alt > 40 U/L for 2 results", _alt("41", "41"), T),
        ("alt > 40 U/L for 2 results", _alt("40", "41"), F),
        ("alt > 40 U/L for 2 results", _alt("41"), F),
        ("alt > 40 U/L for 2 results", "", MISSING),
        ("alt > 40 U/L for 2 results", _alt(">30", "41"), VALUE),
        ("alt > 40 U/L for 2 results", _alt(">30", "40"), F),
        ("alt > 1 x ULN for 2 results", _alt("41", "41") + "\nranges: {alt: 10-40}", T),
        ("alt > 1 x ULN for 2 results", _alt("41", "41"), REFERENCE),
        ("alt > 40 U/L for 2 results", "therapy: {started: -5d}\n" + _alt("90", "90"), F),
        # two analytes of one specimen
        ("ast / alt <= 0.4", "results: {ast: {0d: 40 U/L}, alt: {0d: 100 U/L}}", T),
        ("ast / alt <= 0.4", "results: {ast: {0d: 41 U/L}, alt: {0d: 100 U/L}}", F),
        ("ast / alt <= 0.4", "results: {ast: {0d: 40 U/L}, alt: {-1d: 100 U/L}}", MISSING),
        ("ast / alt <= 0.4", "results: {ast: {0d: 40 U/L}}", MISSING),
        ("ast / alt <= 0.4", "results: {alt: {0d: 40 U/L}}", MISSING),
        ("ast / alt <= 0.4", 'results: {ast: {0d: 40 U/L}, alt: {0d: ">90 U/L"}}', VALUE),
        ("ast / alt <= 0.4", 'results: {ast: {0d: 40 U/L}, alt: {0d: ">100 U/L"}}', T),
        (
            "alt xULN / alp xULN >= 5",
            "ranges: {alt: 10-40, alp: 42-141}\nresults: {alt: {0d: 200 U/L}, alp: {0d: 141 U/L}}",
            T,
        ),
        (
            "alt xULN / alp xULN >= 5",
            "ranges: {alt: 10-40, alp: 42-141}\nresults: {alt: {0d: 199 U/L}, alp: {0d: 141 U/L}}",
            F,
        ),
        (
            "alt xULN / alp xULN >= 5",
            "ranges: {alt: 10-40}\nresults: {alt: {0d: 200 U/L}, alp: {0d: 141 U/L}}",
            REFERENCE,
        ),
        # the course
        ("alt rising for 3 results", _alt("30", "31", "32"), T),
        ("alt rising for 3 results", _alt("30", "32", "32"), F),
        ("alt rising for 3 results", _alt("10", "30", "31", "32"), T),
        ("alt rising for 3 results", _alt("31", "32"), F),
        ("alt rising for 3 results", _alt("30", ">100", "200"), VALUE),
        ("alt falling for 3 results", _alt("32", "31", "30"), T),
        ("alt falling for 3 results", "", MISSING),
        ("alt falling by more than 10 % for 4 results", _alt("60", "53", "47", "42"), T),
        ("alt falling by more than 10 % for 4 results", _alt("60", "53", "48", "42"), F),
        ("alt falling by more than 10 % for 2 results", _alt("60", "54"), F),
        ("alt falling by more than 10 % for 2 results", _alt("60", "53.9"), T),
        ("alt falling by more than 10 % for 3 results", _alt("60", "53"), F),
        ("alt falling by more than 10 % for 2 results", _alt(">50", "53"), VALUE),
        ("alt falling by more than 10 % for 2 results", _alt(">50", "44"), T),
        ("alt falling by more than 10 % for 2 results", _alt("60", "<10"), T),
        ("alt falling by more than 10 % for 2 results", "", MISSING),
        ("alt rising by more than 20 % for 2 results", _alt("50", "60"), F),
        ("alt rising by more than 20 % for 2 results", _alt("50", "60.1"), T),
        ("alt stable within 20 % for 3 results", _alt("50", "60", "55"), T),
        ("alt stable within 20 % for 3 results", _alt("50", "60.1", "55"), F),
        ("alt stable within 20 % for 3 results", _alt("60.1", "55", "50"), F),
        ("alt stable within 20 % for 3 results", _alt("90", "50", "60", "55"), T),
        ("alt stable within 20 % for 3 results", _alt("50", "50"), F),
        ("alt stable within 20 % for 3 results", _alt("50", ">55", "55"), VALUE),
        ("alt stable within 20 % for 3 results", _alt("50", ">60", "55"), F),
        ("alt stable within 20 % for 3 results", "", MISSING),
        ("alt changed by 30 % in 8 d", _alt("100", "130"), T),
        ("alt changed by 30 % in 8 d", _alt("100", "70"), T),
        ("alt changed by 30 % in 8 d", _alt("100", "129"), F),
        ("alt changed by 30 % in 8 d", _alt("200", "100", "110"), F),
        ("alt changed by 30 % in 2 w", _alt("200", "100", "110"), T),
        ("alt changed by 30 % in 6 d", _alt("100", "130"), REFERENCE),
        ("alt changed by 30 U/L in 8 d", _alt("100", "130"), T),
        ("alt changed by 30 U/L in 8 d", _alt("100", "129"), F),
        ("alt changed by 30 U/L in 8 d", _alt("100", ">120"), VALUE),
        ("alt changed by 30 U/L in 8 d", "", MISSING),
        ("alt rose by 30 % in 8 d", _alt("100", "130"), T),
        ("alt rose by 30 % in 8 d", _alt("100", "129"), F),
        ("alt rose by 30 % in 8 d", _alt("100", "50"), F),
        ("alt rose by more than 30 % in 8 d", _alt("100", "130"), F),
        ("alt rose by more than 30 % in 8 d", _alt("100", "130.1"), T),
        ("alt rose by more than 30 % in 8 d", _alt("100", ">130"), T),
        ("alt rose by more than 30 % in 8 d", _alt("100", ">129"), VALUE),
        ("alt fell by more than 30 U/L in 8 d", _alt("100", "70"), F),
        ("alt fell by more than 30 U/L in 8 d", _alt("100", "69.9"), T),
        ("alt changed by more than 30 % in 8 d", _alt("100", "70"), F),
        ("alt changed by more than 30 % in 8 d", _alt("100", "69"), T),
        ("alt changed by more than 30 % in 8 d", _alt("100", "131"), T),
        ("alt fell by 30 U/L in 8 d", _alt("100", "70"), T),
        ("alt fell by 30 U/L in 8 d", _alt("100", "71"), F),
        ("alt fell by 30 U/L in 8 d", _alt("100", "150"), F),
        ("alt fell by 30 U/L in 8 d", _alt("100", "<80"), VALUE),
        ("alt fell by 30 U/L in 6 d", _alt("100", "70"), REFERENCE),
        ("alp time of day differs by 4 h", "results: {alp: {-7d: 90 U/L, 0d: 90 U/L}}", F),
        ("alp time of day differs by 0 h", "results: {alp: {-7d: 90 U/L, 0d: 90 U/L}}", T),
        ("alp time of day differs by 4 h", "results: {alp: {0d: 90 U/L}}", REFERENCE),
        ("alp time of day differs by 4 h", "", MISSING),
        # the range
        ("alt outside reference", _alt("41") + "\nranges: {alt: 10-40}", T),
        ("alt outside reference", _alt("9") + "\nranges: {alt: 10-40}", T),
        ("alt outside reference", _alt("40") + "\nranges: {alt: 10-40}", F),
        ("alt outside reference", _alt("41") + "\nranges: {alt: <41}", T),
        ("alt within reference", _alt("41") + "\nranges: {alt: <=41}", T),
        ("alt within reference", _alt("41"), REFERENCE),
        ("alt within reference", _alt("<20") + "\nranges: {alt: 10-40}", VALUE),
        ("alt within reference", "", MISSING),
        # therapy
        ("therapy is active", "therapy: {started: -60d}", T),
        ("therapy is active", "therapy: {restarted: -60d}", F),
        ("therapy is restarted", "therapy: {restarted: -60d}", T),
        ("therapy is held", "therapy: {started: -60d, held: -5d}", T),
        ("therapy is stopped", "therapy: {started: -60d, stopped: -5d}", T),
        ("weeks since start < 4", "therapy: {started: -27d}", T),
        ("weeks since start < 4", "therapy: {started: -28d}", F),
        ("weeks since restart < 4", "therapy: {restarted: -27d}", T),
        ("weeks since restart < 4", "therapy: {started: -7d}", F),
        ("alt measured since restart", "therapy: {started: -90d, restarted: -7d}\n" + _alt("30"), T),
        ("alt measured since restart", "therapy: {started: -90d, restarted: 0d}\n" + _alt("30"), T),
        (
            "alt measured since restart",
            "therapy: {started: -90d, restarted: -7d}\nresults: {alt: {-8d: 30 U/L}}",
            F,
        ),
        ("alt measured since restart", "therapy: {started: -90d}\n" + _alt("30"), F),
        ("alt measured before restart", "therapy: {started: -90d, restarted: 0d}\n" + _alt("30", "30"), T),
        ("alt measured before restart", "therapy: {started: -90d, restarted: -7d}\n" + _alt("30"), F),
        ("alt measured before restart", "therapy: {started: -90d}\n" + _alt("30", "30"), F),
        ("alt measured before stop", "therapy: {started: -90d, stopped: -3d}\n" + _alt("30", "30"), T),
        ("alt measured before start", "therapy: {started: -3d}\n" + _alt("30", "30"), T),
        ("alt measured before start", "therapy: {started: -90d}\n" + _alt("30", "30"), F),
        ("alt measured since start", "therapy: {started: -90d}\n" + _alt("30"), T),
        ("alt measured since start", "", MISSING),
        # facts
        ("tpmt is deficient", "facts: {tpmt: deficient}", T),
        ("tpmt is deficient", "facts: {tpmt: normal}", F),
        ("tpmt is deficient", "facts: {tpmt: {-400d: deficient}}", T),
        ("tpmt is deficient", "facts: {tpmt: {-400d: normal, -300d: deficient}}", T),
        ("tpmt is deficient", "", FACT),
        ("fact cirrhosis is yes", "facts: {cirrhosis: yes}", T),
        ("fact cirrhosis is yes", "facts: {cirrhosis: no}", F),
        ("tpmt is possibly-deficient", "facts: {tpmt: possibly-deficient}", T),
        ("fact diagnosis is aih", "facts: {diagnosis: {-90d: aih, -30d: ibd}}", T),
        ("fact diagnosis is behcet", "facts: {diagnosis: {-90d: aih, -30d: ibd}}", F),
        ("fact diagnosis is aih", "", FACT),
        ("symptom recorded", "facts: {symptom: nausea}", T),
        ("symptom recorded", "facts: {symptom: none}", F),
        ("symptom recorded", "facts: {symptom: {-9d: nausea, -2d: none}}", F),
        ("symptom recorded", "facts: {symptom: {-9d: none, -2d: nausea}}", T),
        ("symptom recorded", "facts: {symptom: {-100d: nausea}}", FACT),
        ("symptom recorded", "facts: {symptom: {-27d: nausea}}", T),
        ("symptom recorded", "facts: {symptom: {-29d: nausea}}", FACT),
        ("symptom is nausea", "facts: {symptom: {-27d: nausea}}", T),
        ("symptom is nausea", "facts: {symptom: {-29d: nausea}}", FACT),
        ("symptom stated", "facts: {symptom: {-27d: none}}", T),
        ("symptom stated", "facts: {symptom: {-29d: none}}", F),
        ("symptom recorded", "", FACT),
        ("symptom is nausea", "facts: {symptom: nausea}", T),
        ("symptom is nausea", "facts: {symptom: vomiting}", F),
        ("symptom is nausea", "facts: {symptom: none}", F),
        ("symptom is nausea", "facts: {symptom: {-9d: nausea, -2d: none}}", F),
        ("symptom is nausea", "facts: {symptom: {-9d: nausea, -2d: none, 0d: vomiting}}", F),
        ("symptom is nausea", "facts: {symptom: {-9d: none, -2d: nausea, 0d: vomiting}}", T),
        ("symptom is nausea", "facts: {symptom: {-100d: nausea}}", FACT),
        ("symptom is nausea", "facts: {symptom: {-100d: nausea, 0d: vomiting}}", F),
        ("symptom is nausea", "", FACT),
        ("on allopurinol", "facts: {allopurinol: active}", T),
        ("on allopurinol", "facts: {allopurinol: {-9d: active, -2d: stopped}}", F),
        ("on allopurinol", "", FACT),
    ],
)
def test_truth(condition: str, record: str, expected: Truth | UnknownCause) -> None:
    """Each form judges at its limit exactly, and says why where it cannot judge."""
    found = verdict(condition, record)

    assert expected == (found.evidence.cause or found.truth)


def test_results_before_the_therapy_do_not_count() -> None:
    """A high value of before the therapy is history: it neither fires nor stands for the current value."""
    record = "therapy: {started: -5d}\nresults: {alt: {-6d: 640 U/L}}"

    assert MISSING == verdict("alt >= 500 U/L", record).evidence.cause


def test_preliminary_results_count_only_for_rules_that_allow_them() -> None:
    """A preliminary 640 fires a rule that allows preliminary results, and no other."""
    record = "results: {alt: {-1d: 30 U/L, 0d: {value: 640 U/L, status: P}}}"

    assert verdict("alt >= 500 U/L", record).truth is F
    assert verdict("alt >= 500 U/L", record, preliminary=True).truth is T


def test_an_answer_that_comes_after_the_result_counts() -> None:
    """The rule asks for symptoms on Monday's result; what the clinic records on Tuesday answers it."""
    monday = situation("facts: {symptom: {0d: none}}")
    asked = replace(monday, at=monday.at - timedelta(days=1))

    assert read_condition("symptom recorded").judge(View(asked, preliminary=False)).truth is F


def test_the_end_of_another_drug_counts_only_when_it_has_come() -> None:
    """Allopurinol that is to be stopped next week is being taken."""
    planned = situation("facts: {allopurinol: {-9d: active, 0d: stopped}}")
    before = replace(planned, at=planned.at - timedelta(days=1))

    assert read_condition("on allopurinol").judge(View(before, preliminary=False)).truth is T


def test_evidence_of_a_multiple_can_be_checked_by_hand() -> None:
    """The evidence shows value, limit, and the reference with where it came from."""
    found = verdict("alt >= 5 x baseline", _alt("160") + "\nbaseline: {alt: 31 U/L}").evidence

    assert ("160", "", "U/L", "160 U/L") == (found.value, found.comparator, found.unit, found.sent)
    assert ("baseline", "31", "stated as 31") == (
        found.reference_kind,
        found.reference_value,
        found.reference_source,
    )
    assert ("155", "5.16") == (found.threshold, found.fold)
    assert ("alt 0d", "F") == (found.result_key, found.result_status)


def test_evidence_names_the_range_of_that_very_result() -> None:
    """A limit of normal is the one printed with the judged result, not with an older one."""
    record = "results: {alt: {-7d: {value: 60 U/L, range: 10-50}, 0d: {value: 60 U/L, range: 10-40}}}"

    found = verdict("alt > 1 x ULN", record).evidence

    assert ("ULN", "40", "OBX-7 of that result") == (
        found.reference_kind,
        found.reference_value,
        found.reference_source,
    )


def test_fold_never_looks_like_the_limit_that_was_not_reached() -> None:
    """149.999 / 30 is not shown as 5, which it does not reach, nor 120.1 / 40 as 3, which it passes."""
    found = verdict("alt >= 5 x baseline", _alt("149.999") + "\nbaseline: {alt: 30 U/L}").evidence

    above = verdict("alt > 3 x ULN", _alt("120.1") + "\nranges: {alt: 10-40}").evidence

    assert (Truth.FALSE, "4.99") == (found.truth, found.fold)
    assert (Truth.TRUE, "3.002") == (above.truth, above.fold)


def test_fold_of_a_value_above_the_measuring_range_keeps_its_comparator() -> None:
    """A value of >600 is more than 20 x its baseline of 30."""
    found = verdict("alt >= 5 x baseline", _alt(">600") + "\nbaseline: {alt: 30 U/L}").evidence

    assert ">20" == found.fold


@pytest.mark.parametrize(
    ("earlier", "current", "truth"), [("08:00", "12:00", T), ("08:00", "11:59", F), ("23:00", "02:00", F)]
)
def test_the_time_of_day_is_that_of_the_ward(earlier: str, current: str, truth: Truth) -> None:
    """Seven in the evening is one hour before eight, in summer as in winter and across midnight."""
    record = situation("results: {alp: {-7d: 90 U/L, 0d: 90 U/L}}")
    before, newest = record.series["alp"]
    drawn = (
        _at(before, f"2026-02-23T{earlier}+01:00"),
        _at(newest, f"2026-03-02T{current}+02:00"),
    )
    told = View(replace(record, series={"alp": drawn}), preliminary=False)

    assert read_condition("alp time of day differs by 4 h").judge(told).truth is truth


def test_a_date_has_no_time_of_day() -> None:
    """Midnight is not when the blood was drawn where only a date was told."""
    record = situation("results: {alp: {-7d: 90 U/L, 0d: 90 U/L}}")
    before, newest = record.series["alp"]
    dated = replace(newest, collected=Moment(newest.collected.at, Precision.DAY))
    told = View(replace(record, series={"alp": (before, dated)}), preliminary=False)

    assert MISSING == read_condition("alp time of day differs by 4 h").judge(told).evidence.cause


def test_two_results_of_one_time_are_one_step() -> None:
    """A count that two orders report at once is no end of the fall."""
    record = situation(_alt("60", "53", "47"))
    first, second, third = record.series["alt"]
    twin = replace(second, key="another order")
    told = View(replace(record, series={"alt": (first, second, twin, third)}), preliminary=False)

    assert read_condition("alt falling for 3 results").judge(told).truth is T


def test_a_trend_shows_its_steps() -> None:
    """The evidence of a fall by per cent can be checked by hand; nothing is rounded up."""
    found = verdict("alt falling by more than 10 % for 4 results", _alt("60", "53", "47", "42")).evidence

    assert "results: 60, 53, 47, 42 (-11.6 %, -11.3 %, -10.6 %)" == found.note


def test_a_multiple_of_no_baseline_says_why_there_is_none() -> None:
    """The card of an undecided rule tells what to do about it: state a baseline."""
    record = replace(situation(_alt("900")), without_baseline={"alt": "no baseline: too old"})

    found = read_condition("alt >= 5 x baseline").judge(View(record, preliminary=False)).evidence

    assert (REFERENCE, "no baseline: too old") == (found.cause, found.note)


def test_a_baseline_by_another_method_is_told_apart() -> None:
    """With pyridoxal phosphate the same blood gives a higher number."""
    record = situation(_alt("160"))
    (current,) = record.series["alt"]
    told = replace(
        record,
        series={"alt": (replace(current, method="With P-5'-P"),)},
        baselines={"alt": Baseline(Decimal(31), "U/L", "result of 2026-01-02", methods=("No P-5'-P",))},
    )

    found = read_condition("alt >= 5 x baseline").judge(View(told, preliminary=False)).evidence

    assert found.reference_source == "result of 2026-01-02; this result: With P-5'-P"


def _at(result: Result, instant: str) -> Result:
    return replace(result, collected=Moment(datetime.fromisoformat(instant)))


_HAEMOLYSED = "{value: 610 U/L, specimen: haemolysed}"


@pytest.mark.parametrize(
    ("condition", "ast", "expected"),
    [
        ("ast >= 500 U/L", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("ast < 500 U/L", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("ast > 3 x ULN", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("ast outside reference", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("ast / alt <= 0.4", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("alt / ast <= 0.4", f"0d: {_HAEMOLYSED}", UnknownCause.SPOILED),
        ("ast rising for 2 results", f"-7d: 40 U/L, 0d: {_HAEMOLYSED}", F),
        ("ast rose by 30 % in 8 d", f"-7d: 40 U/L, 0d: {_HAEMOLYSED}", REFERENCE),
        ("ast >= 500 U/L for 2 results", f"-7d: 610 U/L, 0d: {_HAEMOLYSED}", F),
        # the last sound value stays the current one
        ("ast >= 500 U/L", f"-7d: 510 U/L, 0d: {_HAEMOLYSED}", T),
        ("ast >= 500 U/L", f"-7d: 40 U/L, 0d: {_HAEMOLYSED}", F),
        ("ast >= 500 U/L", f"-7d: {_HAEMOLYSED}, 0d: 40 U/L", F),
        ("ast >= 2 x previous", f"-9d: 40 U/L, -7d: {_HAEMOLYSED}, 0d: 80 U/L", T),
        ("ast <= 0.5 x peak", f"-7d: {_HAEMOLYSED}, 0d: 40 U/L", F),
        ("ast rising for 2 results", f"-9d: 40 U/L, -7d: {_HAEMOLYSED}, 0d: 80 U/L", T),
        ("ast was >= 500 U/L since start", f"-7d: {_HAEMOLYSED}, 0d: 40 U/L", F),
        ("ast measured within 1 d", f"0d: {_HAEMOLYSED}", F),
    ],
)
def test_a_value_that_its_specimen_has_spoiled_decides_nothing(
    condition: str, ast: str, expected: Truth | UnknownCause
) -> None:
    """Whatever AST of a haemolysed specimen says, nobody knows what it is."""
    found = verdict(condition, f"ranges: {{ast: 10-40}}\nresults: {{alt: {{0d: 40 U/L}}, ast: {{{ast}}}}}")

    assert expected == (found.evidence.cause or found.truth)


def test_another_tube_of_the_same_time_stands_in_for_a_spoiled_value() -> None:
    """Drawn twice because the first tube was haemolysed: the second is the current value."""
    record = situation(f"results: {{ast: {{-1d: 510 U/L, 0d: {_HAEMOLYSED}}}}}")
    sound, spoiled = record.series["ast"]
    together = (replace(sound, collected=spoiled.collected), spoiled)
    told = View(replace(record, series={"ast": together}), preliminary=False)

    assert read_condition("ast >= 500 U/L").judge(told).truth is T


def test_evidence_of_a_haemolysed_specimen_says_so() -> None:
    """The card shows the value with its condition, also where it is judged all the same."""
    alt = verdict("alt >= 500 U/L", "results: {alt: {0d: {value: 610 U/L, specimen: haemolysed}}}").evidence
    ast = verdict("ast >= 500 U/L", f"results: {{ast: {{0d: {_HAEMOLYSED}}}}}").evidence

    assert (T, "haemolysed") == (alt.truth, alt.note)
    assert ("610", "haemolysed: not judged") == (ast.value, ast.note)
