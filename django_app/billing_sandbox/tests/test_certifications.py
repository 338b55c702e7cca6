"""Identity checks: made by the control API, asked for and removed by the REST API."""

import pytest

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])
MISSING = {"code": -1, "message": "인증결과가 존재하지 않습니다.", "response": None}


def test_found_and_removed(api, control, time):
    imp_uid = control("certify", name="김철수", birthday="2001-02-03", merchant_uid="order").json()[
        "imp_uid"
    ]
    found = api(f"certifications/{imp_uid}")
    row = found.json()["response"]
    assert (found.status_code, found.json()["code"], found.json()["message"]) == (200, 0, None)
    assert (row["imp_uid"], row["name"], row["birthday"], row["merchant_uid"]) == (
        imp_uid,
        "김철수",
        "2001-02-03",
        "order",
    )
    assert (
        row["certified"],
        row["certified_at"],
        len(row["unique_key"]),
        len(row["unique_in_site"]),
    ) == (True, time.now, 88, 64)
    removed = api(f"certifications/{imp_uid}", method="DELETE")
    assert (removed.status_code, removed.json()["response"]) == (200, row)
    for method in ("GET", "DELETE"):
        gone = api(f"certifications/{imp_uid}", method=method)
        assert (gone.status_code, gone.json()) == (404, MISSING)


def test_one_person_has_one_key(api, control):
    keys = [
        api(f"certifications/{control('certify', name=name).json()['imp_uid']}").json()["response"][
            "unique_key"
        ]
        for name in ("가", "가", "나")
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("imp_uid", ["imp_000000000000", "x" * 60, "%00", "가"])
def test_unknown(api, imp_uid):
    assert api(f"certifications/{imp_uid}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"birthday": "2001-2-3"},
        {"birthday": "2001-02-30"},
        {"gender": "x"},
        {"name": ""},
        {"foreigner": 1},
        {"nobody": 1},
        {"phone": 1},
    ],
)
def test_the_control_call_refuses(control, body):
    assert control("certify", **body).status_code == 400


def test_tokens_and_methods(api):
    assert api("certifications/imp_1", headers={}).status_code == 401
    assert api("certifications/imp_1", {}).status_code == 405
