"""The table by which a report can be made again."""

from types import SimpleNamespace

from dat_keras.analysis.settings_table import settings_table


def test_each_model_and_each_version_has_a_row():
    names = ("data", "data_fingerprint", "settings", "date")
    report = SimpleNamespace(
        **{name: name.upper() for name in names},
        batch_size=8,
        models=[
            SimpleNamespace(name="a", sha256="0"),
            SimpleNamespace(name="b", sha256="1"),
        ],
        versions=(("keras", "3"),),
    )
    header, *rows = settings_table(report)
    assert header == ["setting", "value"]
    assert [value for _, value in rows[:3]] == [n.upper() for n in names[:3]]
    assert rows[3:] == [
        ["batch size", "8"],
        ["date", "DATE"],
        ["sha256 of a", "0"],
        ["sha256 of b", "1"],
        ["keras", "3"],
    ]
