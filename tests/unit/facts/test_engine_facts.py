"""Engine releases: numbers, flags, metrics, images, vulnerabilities."""

import pytest

from components.facts.engines import (
    DEFAULT,
    DEFAULT_IMAGES,
    SUPPORTED,
    EngineVersion,
    UnsupportedEngine,
    at_least,
    cves,
    describe_image,
    engine,
    router_flags,
)


def described(reference):
    """What is known of an image, which has to be something."""
    image = describe_image(reference)
    assert image is not None
    return image


def test_releases_are_ordered_by_number():
    assert sorted(("0.5.17", "0.5.8", "0.5.13.post1", "0.5.13"), key=EngineVersion) == [
        "0.5.8",
        "0.5.13",
        "0.5.13.post1",
        "0.5.17",
    ]
    assert at_least("0.5.13.post1", "0.5.13")
    assert not at_least("0.5.13", "0.5.13.post1")


@pytest.mark.parametrize("text", ["latest", "0.5", "v0.5.8", "0.5.8-cu129"])
def test_a_release_is_an_exact_number(text):
    with pytest.raises(ValueError, match="not an SGLang release"):
        EngineVersion(text)


def test_a_release_without_data_is_refused_with_the_supported_ones():
    with pytest.raises(UnsupportedEngine, match=r"0\.5\.8, 0\.5\.13\.post1, 0\.5\.17, 0\.5\.23"):
        engine("0.5.9")


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_release_has_the_flags_of_a_group_and_the_metrics_of_autoscaling(version):
    assert {"--tp-size", "--nnodes", "--node-rank", "--dist-init-addr", "--mem-fraction-static"} <= set(
        engine(version).flags
    )
    assert {
        "sglang:num_running_reqs",
        "sglang:num_queue_reqs",
        "sglang:token_usage",
        "sglang:time_to_first_token_seconds",
        "sglang:inter_token_latency_seconds",
        "sglang:generation_tokens_total",
    } <= set(engine(version).metrics)


def test_flags_that_releases_renamed():
    assert "--cuda-graph-max-bs" in engine("0.5.8").flags
    assert "--cuda-graph-max-bs" not in engine("0.5.23").flags
    assert "--cuda-graph-max-bs-decode" in engine("0.5.23").flags


@pytest.mark.parametrize("option", ["--metrics-port", "--enable-profiler"])
def test_flags_that_documents_invent_do_not_exist(option):
    assert all(option not in engine(version).flags for version in SUPPORTED)


def test_a_flag_tells_whether_it_takes_a_value():
    flags = engine("0.5.8").flags
    assert flags["--tp-size"].takes_value
    assert not flags["--enable-metrics"].takes_value
    policies = flags["--schedule-policy"].choices or ()
    assert "lpm" in policies
    assert "sjf" not in policies


def test_every_spelling_of_a_flag_leads_to_it():
    flags = engine(DEFAULT).flags
    assert flags["--tensor-parallel-size"] is flags["--tp-size"]
    assert flags["--pipeline-parallel-size"].option == "--pp-size"


def test_a_histogram_is_three_series():
    metric = engine("0.5.17").metrics["sglang:time_to_first_token_seconds"]
    assert metric.series == tuple(f"sglang:time_to_first_token_seconds_{part}" for part in ("bucket", "sum", "count"))
    assert "model_name" in metric.labels


def test_metrics_that_releases_renamed():
    assert "sglang:num_prefill_prealloc_queue_reqs" in engine("0.5.8").metrics
    assert "sglang:num_prefill_bootstrap_queue_reqs" in engine("0.5.23").metrics
    assert engine("0.5.8").metrics["sglang:kv_transfer_latency_ms"].kind == "gauge"
    assert engine("0.5.23").metrics["sglang:kv_transfer_latency_ms"].kind == "histogram"


def test_the_router_has_its_own_flags():
    assert {"--service-discovery", "--prefill-selector", "--worker-urls", "--policy"} <= set(router_flags())
    policies = router_flags()["--policy"].choices or ()
    assert "cache_aware" in policies
    assert "least_load" not in policies


def test_vulnerabilities_go_with_the_release():
    assert {cve.id for cve in cves("0.5.8")} == {"CVE-2026-3059", "CVE-2026-3060", "CVE-2026-5760"}
    assert {cve.id for cve in cves("0.5.10")} == {"CVE-2026-5760"}
    assert not cves("0.5.12.post1")
    assert not cves(DEFAULT)


@pytest.mark.parametrize("version", DEFAULT_IMAGES)
def test_a_default_image_holds_its_release(version):
    image = described(DEFAULT_IMAGES[version])
    assert (image.version, image.exact, image.sagemaker_only) == (version, True, False)


def test_only_the_deep_learning_container_speaks_efa():
    assert described(DEFAULT_IMAGES["0.5.17"]).efa_capable
    assert not described("lmsysorg/sglang:v0.5.17").efa_capable


@pytest.mark.parametrize(
    ("reference", "version", "exact"),
    [
        ("lmsysorg/sglang:v0.5.8-cu129-amd64", "0.5.8", True),
        ("lmsysorg/sglang:v0.5.12.post1", "0.5.12.post1", True),
        ("lmsysorg/sglang:latest", None, False),
        ("public.ecr.aws/deep-learning-containers/sglang:0.5-gpu-py312-ec2", None, False),
        ("public.ecr.aws/deep-learning-containers/sglang:server-cuda", None, False),
        ("763104351884.dkr.ecr.us-west-2.amazonaws.com/sglang:0.5.9-gpu-py312-cu129-ubuntu24.04-ec2", "0.5.9", True),
    ],
)
def test_a_tag_tells_the_release_or_floats(reference, version, exact):
    image = described(reference)
    assert (image.version, image.exact) == (version, exact)


def test_an_image_for_sagemaker_endpoints_is_recognized():
    reference = "public.ecr.aws/deep-learning-containers/sglang:0.5.8-gpu-py312-cu129-ubuntu24.04-sagemaker"
    assert described(reference).sagemaker_only


def test_the_amazon_linux_image_is_built_for_hopper_and_blackwell_only():
    image = described("public.ecr.aws/deep-learning-containers/sglang:server-cuda-v1.3")
    assert image.version == "0.5.17"
    assert image.gpu_architectures == {"sm_90", "sm_100", "sm_103"}


def test_cuda_is_read_from_the_tag():
    assert described(DEFAULT_IMAGES["0.5.17"]).cuda == "13.0"
    assert described("lmsysorg/sglang:v0.5.8-cu129-amd64").cuda == "12.9"


def test_other_repositories_are_not_guessed_at():
    assert describe_image("registry.example.com/sglang:v0.5.8") is None


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_release_has_the_variables_that_the_guides_tune(version):
    """Names and types as `sglang/srt/environ.py` has them."""
    variables = engine(version).variables
    assert variables["SGLANG_ENABLE_JIT_DEEPGEMM"].kind == "bool"
    assert variables["SGLANG_DISAGGREGATION_BOOTSTRAP_TIMEOUT"].kind == "int"
    assert variables["SGLANG_DG_CACHE_DIR"].kind is None
    assert all(name.startswith(("SGLANG_", "SGL_")) for name in variables)


def test_a_variable_is_known_to_the_releases_that_read_it():
    """NIXL got its selector of transports in 0.5.9 (facts: disaggregation/nixl/conn.py)."""
    name = "SGLANG_DISAGGREGATION_NIXL_BACKEND"
    assert [version for version in SUPPORTED if name in engine(version).variables] == [
        "0.5.13.post1",
        "0.5.17",
        "0.5.23",
    ]
