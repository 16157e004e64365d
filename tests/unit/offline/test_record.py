"""The in-process engine: what it records, what it knows and what it refuses."""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as k8s
import pytest

from infra.offline import NotRecordedError, Recording, Secret, Unknown, record
from infra.offline.invokes import RefusedInvokeError
from infra.offline.monitor import RefusedRegistrationError

CONFIG = {"sglang-hyperpod:region": "us-west-2", "sglang-hyperpod:token": "plain-text-of-the-token"}


class Group(pulumi.ComponentResource):
    """A component with two children, the second after the first."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Group", name, None, opts)
        self.first = aws.s3.Bucket(f"{name}-first", opts=pulumi.ResourceOptions(parent=self))
        self.second = aws.s3.Bucket(
            f"{name}-second", opts=pulumi.ResourceOptions(parent=self, depends_on=[self.first], protect=True)
        )
        self.register_outputs({})


def network() -> None:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
    aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block=vpc.cidr_block, tags={"of": pulumi.Output.concat("x-", vpc.arn)})


def cluster() -> eks.Cluster:
    return eks.Cluster("cluster", name="sglang", skip_default_node_group=True)


def test_an_identifier_is_unknown_and_says_whose_it_is() -> None:
    subnet = record(network).one("aws:ec2/subnet:Subnet")
    assert subnet.inputs["vpcId"] == Unknown("vpc.id")
    assert isinstance(subnet.inputs["vpcId"], Unknown)


def test_what_is_computed_from_an_unknown_names_its_resource() -> None:
    assert record(network).one("aws:ec2/subnet:Subnet").inputs["tags"] == {"of": Unknown("vpc")}


def test_an_input_of_another_resource_is_known() -> None:
    assert record(network).one("aws:ec2/subnet:Subnet").inputs["cidrBlock"] == "10.0.0.0/16"


def test_unknowns_do_not_run_apply() -> None:
    ran: list[str] = []

    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        vpc.id.apply(ran.append)
        vpc.cidr_block.apply(ran.append)

    record(program)
    assert ran == ["10.0.0.0/16"]


def test_dependencies_are_recorded_whole_and_by_property() -> None:
    recording = record(network)
    vpc, subnet = recording.one("aws:ec2/vpc:Vpc"), recording.one("aws:ec2/subnet:Subnet")
    assert subnet.depends_on == (vpc.urn,)
    assert subnet.property_dependencies["vpcId"] == (vpc.urn,)
    assert recording.depends(subnet, vpc)
    assert not recording.depends(vpc, subnet)


def test_urns_are_those_of_the_real_engine() -> None:
    urn = record(lambda: Group("group"), stack="prod").one("aws:s3/bucket:Bucket", "group-first").urn
    assert urn == "urn:pulumi:prod::sglang-hyperpod::test:index:Group$aws:s3/bucket:Bucket::group-first"


def test_a_component_is_marked_and_is_the_parent_of_its_children() -> None:
    recording = record(lambda: Group("group"))
    component = recording.one("test:index:Group")
    assert component.component
    assert not component.creates
    assert [child.name for child in recording.children(component)] == ["group-first", "group-second"]


def test_to_depend_on_a_component_is_to_depend_on_its_children() -> None:
    def program() -> None:
        aws.s3.Bucket("after", opts=pulumi.ResourceOptions(depends_on=[Group("group")]))

    recording = record(program)
    assert {urn.rsplit("::", 1)[1] for urn in recording.one("aws:s3/bucket:Bucket", "after").depends_on} == {
        "group-first",
        "group-second",
    }


def test_every_resource_option_is_recorded() -> None:
    def program() -> None:
        keeper = aws.s3.Bucket("keeper")
        aws.s3.Bucket(
            "bucket",
            opts=pulumi.ResourceOptions(
                protect=True,
                retain_on_delete=True,
                custom_timeouts=pulumi.CustomTimeouts(create="3h", delete="20m"),
                ignore_changes=["tags"],
                replace_on_changes=["bucket_prefix"],
                delete_before_replace=True,
                deleted_with=keeper,
                aliases=[pulumi.Alias(name="old")],
            ),
        )

    bucket = record(program).one("aws:s3/bucket:Bucket", "bucket")
    assert bucket.protect
    assert bucket.retain_on_delete
    assert bucket.custom_timeouts == {"create": "3h", "delete": "20m"}
    assert bucket.ignore_changes == ("tags",)
    assert bucket.replace_on_changes == ("bucketPrefix",)
    assert bucket.delete_before_replace is True
    assert bucket.deleted_with is not None
    assert bucket.deleted_with.endswith("::keeper")
    assert "name=old" in bucket.aliases


def test_resource_hooks_are_recorded_by_name() -> None:
    def program() -> None:
        hook = pulumi.ResourceHook("sweep", lambda _: None)
        aws.s3.Bucket("bucket", opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_delete=[hook])))

    assert record(program).one("aws:s3/bucket:Bucket").hooks == ("sweep",)


def test_an_explicit_provider_is_recorded_by_its_urn() -> None:
    def program() -> None:
        provider = aws.Provider("here", region="us-west-2")
        aws.s3.Bucket("bucket", opts=pulumi.ResourceOptions(provider=provider))

    recording = record(program)
    provider = recording.one("pulumi:providers:aws")
    assert recording.one("aws:s3/bucket:Bucket").provider == provider.urn
    assert provider.is_provider


def test_configuration_reaches_the_program() -> None:
    seen: list[str] = []
    record(lambda: seen.append(pulumi.Config("sglang-hyperpod").require("region")), config=CONFIG)
    assert seen == ["us-west-2"]


def test_a_secret_leaves_a_mark_and_nothing_else() -> None:
    def program() -> None:
        token = pulumi.Config("sglang-hyperpod").require_secret("token")
        aws.ssm.Parameter("token", type="SecureString", value=token)
        pulumi.export("token", token)

    recording = record(program, config=CONFIG, secret_keys=["sglang-hyperpod:token"])
    parameter = recording.one("aws:ssm/parameter:Parameter")
    assert isinstance(parameter.inputs["value"], Secret)
    assert parameter.secret_paths == ["value"]
    assert isinstance(recording.outputs["token"], Secret)
    assert CONFIG["sglang-hyperpod:token"] not in repr(recording)


def test_exports_are_recorded() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        pulumi.export("vpc", vpc.id)
        pulumi.export("cidr", vpc.cidr_block)

    assert record(program).outputs == {"vpc": Unknown("vpc"), "cidr": "10.0.0.0/16"}


def test_the_cluster_of_pulumi_eks_has_known_settings_and_unknown_outputs() -> None:
    def program() -> None:
        made = cluster()
        pulumi.export("name", made.eks_cluster.name)
        pulumi.export("endpoint", made.eks_cluster.endpoint)
        pulumi.export("core", made.core.endpoint)

    recording = record(program)
    assert recording.outputs["name"] == "sglang"
    assert isinstance(recording.outputs["endpoint"], Unknown)
    assert isinstance(recording.outputs["core"], Unknown)


def test_the_children_of_pulumi_eks_are_shown_as_made_by_it() -> None:
    recording = record(cluster)
    control_plane = recording.one("aws:eks/cluster:Cluster")
    assert control_plane.made_by == "eks"
    assert control_plane.parent == recording.one("eks:index:Cluster").urn


def test_a_provider_from_an_unknown_kubeconfig_still_registers_objects() -> None:
    def program() -> None:
        kube = k8s.Provider("kube", kubeconfig=cluster().eks_cluster.endpoint, cluster_identifier="sglang")
        k8s.core.v1.Namespace("inference", metadata={"name": "inference"}, opts=pulumi.ResourceOptions(provider=kube))

    recording = record(program)
    namespace = recording.one("kubernetes:core/v1:Namespace")
    assert namespace.inputs["metadata"] == {"name": "inference"}
    assert recording.depends(namespace, recording.one("aws:eks/cluster:Cluster"))


def test_outputs_are_made_up_where_nothing_is_previewed() -> None:
    def program() -> None:
        made = cluster()
        pulumi.export("endpoint", made.eks_cluster.endpoint)
        pulumi.export("group", made.eks_cluster.vpc_config.cluster_security_group_id)
        pulumi.export("file-system", aws.fsx.LustreFileSystem("weights", subnet_ids="subnet-1").dns_name)

    applied = record(program, preview=False, config=CONFIG)
    assert applied.outputs["endpoint"].endswith(".us-west-2.eks.amazonaws.com")
    assert applied.outputs["group"].startswith("sg-")
    assert applied.outputs["file-system"].startswith("fs-")
    assert applied.outputs == record(program, preview=False, config=CONFIG).outputs


def test_two_runs_record_the_same_in_the_same_order() -> None:
    assert record(lambda: Group("group")).resources == record(lambda: Group("group")).resources


def test_runs_share_nothing() -> None:
    record(network, config=CONFIG, stack="one")
    second = record(lambda: pulumi.export("stack", pulumi.get_stack()), stack="two")
    assert second.resources == []
    assert second.outputs == {"stack": "two"}
    assert pulumi.Config("sglang-hyperpod").get("region") is None


def test_a_run_within_a_running_event_loop_is_possible_from_a_thread() -> None:
    async def outer() -> Recording:
        return await asyncio.to_thread(record, network)

    assert len(asyncio.run(outer()).resources) == 2


def test_the_programs_error_comes_out_as_it_is() -> None:
    def program() -> None:
        raise KeyError("sizing")

    with pytest.raises(KeyError, match="sizing"):
        record(program)


def test_an_error_within_apply_comes_out_with_its_place() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        aws.ec2.Subnet("subnet", vpc_id=vpc.cidr_block.apply(_fail))

    with pytest.raises(ZeroDivisionError) as raised:
        record(program)
    assert raised.traceback[-1].name == "_fail"


def test_an_error_leaves_no_noise(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    def program() -> None:
        for number in range(5):
            vpc = aws.ec2.Vpc(f"vpc-{number}", cidr_block="10.0.0.0/16")
            aws.ec2.Subnet(f"subnet-{number}", vpc_id=vpc.cidr_block.apply(_fail))

    with pytest.raises(ZeroDivisionError):
        record(program)
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_run_after_a_failed_one_is_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        record(lambda: aws.ec2.Vpc("vpc", cidr_block=pulumi.Output.from_input(1).apply(_fail)) and None)
    assert len(record(network).resources) == 2


def test_the_same_urn_twice_is_refused() -> None:
    def program() -> None:
        aws.s3.Bucket("bucket")
        aws.s3.Bucket("bucket")

    with pytest.raises(RefusedRegistrationError, match="two resources have the URN"):
        record(program)


def test_a_disabled_default_provider_is_not_used() -> None:
    with pytest.raises(RefusedRegistrationError, match="default provider of kubernetes is disabled"):
        record(
            lambda: k8s.core.v1.Namespace("inference"),
            config={"pulumi:disable-default-providers": json.dumps(["kubernetes"])},
        )


def test_a_look_up_that_asks_the_cloud_is_refused_by_name() -> None:
    with pytest.raises(RefusedInvokeError, match="aws:ec2/getAmi:getAmi asks the cloud"):
        record(lambda: aws.ec2.get_ami(owners=["amazon"]))


def test_the_region_and_the_partition_are_known() -> None:
    seen: list[str] = []

    def program() -> None:
        seen.extend((aws.get_region().region, aws.get_partition().dns_suffix))

    record(program, config={"sglang-hyperpod:region": "cn-north-1"})
    assert seen == ["cn-north-1", "amazonaws.com.cn"]


def test_the_account_is_unknown_in_a_preview() -> None:
    recording = record(lambda: pulumi.export("account", aws.get_caller_identity_output().account_id))
    assert isinstance(recording.outputs["account"], Unknown)


def test_warnings_of_the_program_are_kept() -> None:
    assert record(lambda: pulumi.log.warn("half the EFA cards are unused")).messages == [
        ("warning", "half the EFA cards are unused")
    ]


def test_a_resource_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(NotRecordedError, match="there: vpc"):
        record(network).one("aws:ec2/vpc:Vpc", "other")


def test_the_package_loads_no_pulumi() -> None:
    code = "import infra.offline, sys; print([m for m in sys.modules if m.startswith('pulumi')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def _fail(_: object) -> str:
    raise ZeroDivisionError
