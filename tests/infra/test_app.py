"""The application as the CDK command line runs it."""

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from function_sources import sources_digest

ROOT = Path(__file__).resolve().parents[2]


def run(directory: Path, context: dict[str, object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=os.environ | {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"auth": "md5"}, "setting auth: 'md5' is not allowed; use one of hmac, basic, none"),
        ({"memory": "1"}, "setting memory: there is no such setting; did you mean memorySize?"),
    ],
)
def test_given_a_wrong_setting_when_synthesised_then_it_stops_with_one_line_and_no_traceback(
    context: dict[str, object], said: str, tmp_path: Path
) -> None:
    done = run(tmp_path, context)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == said
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.template.json"))


def test_given_cdk_jsons_own_context_when_synthesised_then_the_packaged_stack_is_there(
    tmp_path: Path,
) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    done = run(tmp_path, context | {"packaging": "host", "local": "true", "stage": "test"})

    assert done.returncode == 0, done.stderr
    template = json.loads((tmp_path / "WcsHooks-test.template.json").read_text())
    digests = {
        zipped.name.removeprefix("asset."): b64encode(
            hashlib.sha256(zipped.read_bytes()).digest()
        ).decode()
        for zipped in tmp_path.glob("asset.*.zip")
    }
    code = {
        resource["Properties"]["Handler"]: digests[resource["Properties"]["Code"]["S3Key"]]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert len(digests) == 2
    outputs = {name: output["Value"] for name, output in template["Outputs"].items()}
    assert outputs["CompilerCodeSha256"] == code.pop("wcs_hooks.handlers.compiler.handler")
    assert set(code.values()) == {outputs["CodeSha256"]} != {outputs["CompilerCodeSha256"]}
    assert outputs["CodeSources"] == sources_digest(ROOT / "functions")
