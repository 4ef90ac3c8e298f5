from __future__ import annotations

from archsim.report.figures.naming import inline, slug, slugs, tex


def test_file_names_are_plain_and_differ() -> None:
    assert slug("ima.adc.bits=8 / ../etc") == "ima-adc-bits-8-etc"
    assert slugs(["a b", "A/b", "c", "$$"]) == ("a-b-1-", "A-b-2-", "c-", "-4-")


def test_latex_prints_text_as_it_stands() -> None:
    assert tex("50 % of $x_1$\n{a} & b\\c #~^ <µm²>") == (
        r"50 \% of \$x\_1\$ \{a\} \& b\textbackslash{}c \#\textasciitilde{}\textasciicircum{} "
        r"\textless{}\textmu{}m\textsuperscript{2}\textgreater{}"
    )


def test_labels_within_a_sentence() -> None:
    assert [inline(label) for label in ("Latency", "ADC resolution", "")] == ["latency", "ADC resolution", ""]
