"""Which property's change replaces a resource, by Pulumi type: what `diff` warns of and the simulated providers do.

Paths are dotted, in the provider's camelCase, without list indexes; a path stands for everything below it. AWS types
follow CloudFormation's `createOnlyProperties`, which are the service's own limits, and where the Terraform provider is
stricter, its ForceNew properties; contract tests hold the table against cfn-lint's schemas and against aws-native's own
lists. Kubernetes kinds follow pulumi-kubernetes v4 (provider/pkg/provider/force_new.go): ConfigMaps and Secrets are
replaced unless the provider has `enableConfigMapMutable` and `enableSecretMutable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REPLACES: Final[dict[str, frozenset[str]]] = {
    token: frozenset(paths.split())
    for token, paths in {
        "aws:cloudwatch/logGroup:LogGroup": "name namePrefix logGroupClass",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "vpcId",
        "aws:ec2/eip:Eip": "domain networkBorderGroup ipamPoolId address customerOwnedIpv4Pool publicIpv4Pool",
        "aws:ec2/flowLog:FlowLog": (
            "logDestination logDestinationType logFormat maxAggregationInterval trafficType iamRoleArn vpcId subnetId "
            "eniId transitGatewayId transitGatewayAttachmentId deliverCrossAccountRole destinationOptions"
        ),
        "aws:ec2/internetGateway:InternetGateway": "",
        "aws:ec2/launchTemplate:LaunchTemplate": "name namePrefix",
        "aws:ec2/natGateway:NatGateway": ("allocationId availabilityMode connectivityType privateIp subnetId vpcId"),
        "aws:ec2/placementGroup:PlacementGroup": "name strategy spreadLevel partitionCount",
        "aws:ec2/route:Route": ("routeTableId destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId"),
        "aws:ec2/routeTable:RouteTable": "vpcId",
        "aws:ec2/routeTableAssociation:RouteTableAssociation": "subnetId gatewayId",
        "aws:ec2/securityGroup:SecurityGroup": "description name namePrefix vpcId",
        "aws:ec2/subnet:Subnet": (
            "vpcId availabilityZone availabilityZoneId cidrBlock outpostArn ipv6Native ipv4IpamPoolId "
            "ipv4NetmaskLength ipv6IpamPoolId ipv6NetmaskLength"
        ),
        "aws:ec2/vpc:Vpc": "cidrBlock ipv4IpamPoolId ipv4NetmaskLength",
        "aws:ec2/vpcEndpoint:VpcEndpoint": (
            "serviceName vpcEndpointType vpcId serviceNetworkArn resourceConfigurationArn serviceRegion "
            "dnsOptions.privateDnsPreference dnsOptions.privateDnsSpecifiedDomains"
        ),
        "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": (
            "vpcId cidrBlock ipv4IpamPoolId ipv4NetmaskLength"
        ),
        "aws:eks/accessEntry:AccessEntry": "clusterName principalArn type",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "clusterName principalArn policyArn accessScope",
        "aws:eks/addon:Addon": "clusterName addonName namespaceConfig",
        "aws:eks/cluster:Cluster": (
            "name roleArn outpostConfig encryptionConfig bootstrapSelfManagedAddons kubernetesNetworkConfig.ipFamily "
            "kubernetesNetworkConfig.serviceIpv4Cidr accessConfig.bootstrapClusterCreatorAdminPermissions"
        ),
        "aws:eks/nodeGroup:NodeGroup": (
            "amiType capacityType clusterName diskSize instanceTypes nodeGroupName nodeGroupNamePrefix nodeRoleArn "
            "remoteAccess subnetIds launchTemplate.id launchTemplate.name"
        ),
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": "clusterName namespace serviceAccount",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": (
            "fileSystemId fileSystemPath dataRepositoryPath batchImportMetaDataOnCreate"
        ),
        "aws:fsx/lustreFileSystem:LustreFileSystem": (
            "backupId copyTagsToBackups deploymentType driveCacheType efaEnabled exportPath fileSystemTypeVersion "
            "importPath importedFileChunkSize kmsKeyId securityGroupIds storageType subnetIds"
        ),
        "aws:iam/instanceProfile:InstanceProfile": "name namePrefix path",
        "aws:iam/policy:Policy": "name namePrefix path description",
        "aws:iam/role:Role": "name namePrefix path",
        "aws:iam/rolePolicy:RolePolicy": "name namePrefix role",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role policyArn",
        "aws:kms/alias:Alias": "name namePrefix",
        "aws:kms/key:Key": "customerMasterKeySpec customKeyStoreId keyUsage multiRegion xksKeyId",
        "aws:s3/bucket:Bucket": "bucket bucketPrefix bucketNamespace objectLockEnabled",
        "aws:s3/bucketObject:BucketObject": "bucket key",
        "aws:s3/bucketObjectv2:BucketObjectv2": "bucket key",
        "aws:s3/bucketPolicy:BucketPolicy": "bucket",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "bucket",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
            "bucket expectedBucketOwner"
        ),
        "aws:s3/bucketVersioning:BucketVersioning": "bucket expectedBucketOwner",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "securityGroupId",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "securityGroupId",
        "aws-native:sagemaker:Cluster": "clusterName orchestrator.eks vpcConfig",
        "kubernetes:apps/v1:DaemonSet": "spec.selector",
        "kubernetes:apps/v1:Deployment": "spec.selector",
        "kubernetes:apps/v1:StatefulSet": (
            "spec.podManagementPolicy spec.revisionHistoryLimit spec.selector spec.serviceName "
            "spec.volumeClaimTemplates"
        ),
        "kubernetes:batch/v1:Job": "spec.completions spec.parallelism spec.selector spec.template",
        "kubernetes:core/v1:ConfigMap": "data binaryData",
        "kubernetes:core/v1:PersistentVolume": "spec.csi spec.hostPath spec.local spec.nfs",
        "kubernetes:core/v1:PersistentVolumeClaim": (
            "spec.accessModes spec.selector spec.storageClassName spec.volumeName"
        ),
        "kubernetes:core/v1:Secret": "type data stringData",
        "kubernetes:core/v1:Service": "spec.clusterIP",
        "kubernetes:helm.sh/v3:Release": "name namespace",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": "roleRef",
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": "roleRef",
        "kubernetes:storage.k8s.io/v1:StorageClass": "parameters provisioner",
    }.items()
}
"""Replacing paths by type token; empty where nothing does."""

_EVERY_KUBERNETES_OBJECT: Final = frozenset({"apiVersion", "kind", "metadata.name", "metadata.namespace"})
"""An object with another name, namespace or kind is another object."""


def replacing(type_: str) -> frozenset[str]:
    """The paths whose change replaces a resource of this type; custom resources and unlisted kinds by their name."""
    own = REPLACES.get(type_, frozenset())
    if type_.startswith("kubernetes:") and type_ != "kubernetes:helm.sh/v3:Release":
        return own | _EVERY_KUBERNETES_OBJECT
    return own


def replaced_by(type_: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The replacing paths of a type whose values differ between two sets of inputs, sorted."""
    return sorted(path for path in replacing(type_) if _at(old, path) != _at(new, path))


def _at(inputs: Mapping[str, Any], path: str) -> Any:
    """The value at a path; in lists of one object (`launchTemplate`) the object's."""
    value: Any = inputs
    for key in path.split("."):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
