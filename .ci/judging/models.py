"""Which call and which CloudFormation type each resource of the program stands for, and where a value has another place there.

Pulumi's properties are named as the API's, with some flattened or left to other calls. A move is (path, to) or (path, to,
function); to is None for what the model takes elsewhere.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field


@dataclass
class Model:
    call: str = ""  # SERVICE.OPERATION of botocore
    schema: str = ""  # of CloudFormation
    common: list = field(default_factory=list)
    for_call: list = field(default_factory=list)
    for_schema: list = field(default_factory=list)
    policies: dict = field(default_factory=dict)  # property: identity, resource or trust
    part_of: tuple = ()  # (short type, property): of the resource of that type and the same name, in CloudFormation
    for_part: list = field(default_factory=list)


def enabled(value):
    return {"Enabled": value}


def listed(value):
    return value if isinstance(value, list) else [value]


def items(value):
    return value["items"]


def pairs(names, key="Name", value="Value"):
    return [{key: k, value: v} for k, v in names.items()]


def encrypted(name):
    """A table's encryption, whose type the provider adds."""
    return lambda sse: {name: sse["enabled"], **({"SSEType": "KMS", "KMSMasterKeyId": sse["kmsKeyArn"]} if "kmsKeyArn" in sse else {})}


# Properties of a load balancer that are attributes in CloudFormation, and a call of their own.
BALANCER = {"accessLogs": "access_logs.s3.enabled", "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
            "enableDeletionProtection": "deletion_protection.enabled", "idleTimeout": "idle_timeout.timeout_seconds"}


def attributes(balancer):
    logs = balancer.get("accessLogs") or {}
    given = {**balancer, "accessLogs": logs.get("enabled", False)}
    all = [{"Key": BALANCER[k], "Value": str(v).lower()} for k, v in sorted(given.items())]
    return all + ([{"Key": "access_logs.s3.bucket", "Value": logs["bucket"]}] if logs else [])


ACCOUNT = "123456789012"  # as the recorder has it
TAGS = [("tags", None)]  # a map here, a list there; nothing in it is limited that matters
ROLE_SCHEMA = [("name", "RoleName")]

def backup_rules(vault):
    """A plan's rules; vault is what the model calls the one that a rule writes to."""
    return lambda rules: [{"RuleName": r["ruleName"], vault: r["targetVaultName"], "ScheduleExpression": r["schedule"],
                           "StartWindowMinutes": r["startWindow"], "CompletionWindowMinutes": r["completionWindow"],
                           "Lifecycle": {"DeleteAfterDays": r["lifecycle"]["deleteAfter"]}} for r in rules]


MODELS = {
    "acm.Certificate": Model("acm.RequestCertificate", "AWS::CertificateManager::Certificate"),
    "acm.CertificateValidation": Model(),  # waits, and makes nothing
    "appautoscaling.Target": Model("application-autoscaling.RegisterScalableTarget",
                                   "AWS::ApplicationAutoScaling::ScalableTarget"),
    "appautoscaling.Policy": Model("application-autoscaling.PutScalingPolicy", "AWS::ApplicationAutoScaling::ScalingPolicy",
                                   [("name", "PolicyName")]),
    "cloudfront.CachePolicy": Model("", "AWS::CloudFront::CachePolicy", [
        ("parametersInCacheKeyAndForwardedToOrigin.headersConfig.headers",
         "parametersInCacheKeyAndForwardedToOrigin.headersConfig.headers", items),
        ("", "CachePolicyConfig")]),
    "cloudfront.Distribution": Model("", "AWS::CloudFront::Distribution", [
        ("isIpv6Enabled", "IPV6Enabled"), ("orderedCacheBehaviors", "CacheBehaviors"),
        ("origins", "Origins", lambda all: [{**o, "Id": o["originId"], "originId": None} for o in all]),
        ("", "DistributionConfig")]),
    "cloudfront.ResponseHeadersPolicy": Model("", "AWS::CloudFront::ResponseHeadersPolicy", [
        ("", "ResponseHeadersPolicyConfig")]),
    "cloudfront.VpcOrigin": Model("cloudfront.CreateVpcOrigin", "AWS::CloudFront::VpcOrigin", [], [], [
        ("vpcOriginEndpointConfig.originSslProtocols", "vpcOriginEndpointConfig.OriginSSLProtocols", items)]),
    "athena.NamedQuery": Model("athena.CreateNamedQuery", "AWS::Athena::NamedQuery", [], [("query", "QueryString")], [
        ("query", "QueryString")]),
    "athena.Workgroup": Model("athena.CreateWorkGroup", "AWS::Athena::WorkGroup", [
        ("configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn",
         "configuration.resultConfiguration.encryptionConfiguration.kmsKey")], [("forceDestroy", None)], [
        ("forceDestroy", "RecursiveDeleteOption"), ("configuration", "WorkGroupConfiguration")]),
    "backup.Plan": Model("backup.CreateBackupPlan", "AWS::Backup::BackupPlan", [("name", "BackupPlan.BackupPlanName")], [
        ("rules", "BackupPlan.Rules", backup_rules("TargetBackupVaultName"))], [
        ("rules", "BackupPlan.BackupPlanRule", backup_rules("TargetBackupVault"))]),
    "backup.RestoreTestingPlan": Model("backup.CreateRestoreTestingPlan", "AWS::Backup::RestoreTestingPlan", [
        ("name", "RestoreTestingPlanName")], [(name, "RestoreTestingPlan." + name) for name in (
            "RestoreTestingPlanName", "scheduleExpression", "startWindowHours", "recoveryPointSelection")]),
    "backup.RestoreTestingSelection": Model("backup.CreateRestoreTestingSelection", "AWS::Backup::RestoreTestingSelection", [
        ("name", "RestoreTestingSelectionName")], [(name, "RestoreTestingSelection." + name) for name in (
            "RestoreTestingSelectionName", "iamRoleArn", "protectedResourceArns", "protectedResourceType")]),
    "backup.Selection": Model("backup.CreateBackupSelection", "AWS::Backup::BackupSelection", [
        ("name", "BackupSelection.SelectionName"), ("iamRoleArn", "BackupSelection.IamRoleArn"),
        ("resources", "BackupSelection.Resources"), ("planId", "BackupPlanId")]),
    "backup.Vault": Model("backup.CreateBackupVault", "AWS::Backup::BackupVault", [
        ("name", "BackupVaultName"), ("forceDestroy", None)]),
    "budgets.Budget": Model("", "AWS::Budgets::Budget", [
        ("name", "Budget.BudgetName"), ("budgetType", "Budget.BudgetType"), ("timeUnit", "Budget.TimeUnit"),
        ("limitAmount", "Budget.BudgetLimit.Amount", float), ("limitUnit", "Budget.BudgetLimit.Unit"),
        ("costFilters", "Budget.CostFilters", lambda all: {f["name"]: f["values"] for f in all}),
        ("notifications", "NotificationsWithSubscribers", lambda all: [notification(n) for n in all])]),
    "cfg.DeliveryChannel": Model("config.PutDeliveryChannel", "AWS::Config::DeliveryChannel", [], [
        ("name", "DeliveryChannel.name"), ("s3BucketName", "DeliveryChannel.s3BucketName")]),
    "cfg.Recorder": Model("config.PutConfigurationRecorder", "AWS::Config::ConfigurationRecorder", [], [
        (name, "ConfigurationRecorder." + name) for name in ("name", "roleArn", "recordingGroup")]),
    "cfg.RecorderStatus": Model(),  # starts it, and makes nothing
    "cloudcontrol.Resource": Model("cloudcontrol.CreateResource", "AWS::MSK::Topic", for_schema=[
        ("desiredState", "", json.loads), ("typeName", None)]),
    "chatbot.SlackChannelConfiguration": Model("chatbot.CreateSlackChannelConfiguration",
                                               "AWS::Chatbot::SlackChannelConfiguration", [], [], [
                                                   ("slackTeamId", "SlackWorkspaceId"),
                                                   ("guardrailPolicyArns", "GuardrailPolicies")]),
    "cloudwatch.CompositeAlarm": Model("cloudwatch.PutCompositeAlarm", "AWS::CloudWatch::CompositeAlarm"),
    "cloudwatch.Dashboard": Model("cloudwatch.PutDashboard", "AWS::CloudWatch::Dashboard"),
    "cloudwatch.EventRule": Model("events.PutRule", "AWS::Events::Rule"),
    "cloudwatch.EventTarget": Model("events.PutTargets", "", [], [
        ("arn", "", lambda arn: {"Targets": [{"Id": "target", "Arn": arn}]}), ("targetId", None)]),
    "cloudwatch.LogDelivery": Model("logs.CreateDelivery", "AWS::Logs::Delivery"),
    "cloudwatch.LogDeliveryDestination": Model("logs.PutDeliveryDestination", "AWS::Logs::DeliveryDestination", [], [], [
        ("deliveryDestinationConfiguration.destinationResourceArn", "DestinationResourceArn")]),
    "cloudwatch.LogDeliverySource": Model("logs.PutDeliverySource", "AWS::Logs::DeliverySource"),
    "cloudwatch.LogGroup": Model("", "AWS::Logs::LogGroup", [("name", "LogGroupName"), ("skipDestroy", None)]),
    "cloudwatch.LogMetricFilter": Model("logs.PutMetricFilter", "AWS::Logs::MetricFilter", [
        ("metricTransformation", "metricTransformations", lambda m: [{
            "metricName": m["name"], "metricNamespace": m["namespace"], "metricValue": m["value"]}]),
        ("name", "filterName"), ("pattern", "filterPattern")]),
    "cloudwatch.MetricAlarm": Model("cloudwatch.PutMetricAlarm", "AWS::CloudWatch::Alarm", [
        ("name", "AlarmName"), ("metricQueries", "Metrics", lambda queries: [metric_query(q) for q in queries]),
        ("dimensions", "Dimensions", pairs)]),
    "cloudwatch.QueryDefinition": Model("logs.PutQueryDefinition", "AWS::Logs::QueryDefinition"),
    "costexplorer.AnomalyMonitor": Model("ce.CreateAnomalyMonitor", "AWS::CE::AnomalyMonitor", [], [
        (name, "AnomalyMonitor." + to, how) for name, to, how in (
            ("name", "MonitorName", str), ("monitorType", "MonitorType", str), ("monitorSpecification", "MonitorSpecification", json.loads))],
        [("name", "MonitorName")]),
    "costexplorer.AnomalySubscription": Model("", "AWS::CE::AnomalySubscription", [
        ("name", "SubscriptionName"), ("monitorArnLists", "MonitorArnList"),
        ("thresholdExpression", "ThresholdExpression", lambda e: json.dumps({"Dimensions": {
            "Key": e["dimension"]["key"], "MatchOptions": e["dimension"]["matchOptions"], "Values": e["dimension"]["values"]}}))]),
    "docker.Image": Model(),  # no resource of AWS's
    "dynamodb.Table": Model("dynamodb.CreateTable", "AWS::DynamoDB::Table", [
        ("name", "TableName"), ("attributes", "AttributeDefinitions", lambda all: pairs(
            {a["name"]: a["type"] for a in all}, "AttributeName", "AttributeType")),
        ("hashKey", "KeySchema", lambda key: [{"AttributeName": key, "KeyType": "HASH"}])], [
        ("serverSideEncryption", "SSESpecification", encrypted("Enabled")), ("ttl", None), ("pointInTimeRecovery", None)], [
        ("serverSideEncryption", "SSESpecification", encrypted("SSEEnabled")), ("ttl", "TimeToLiveSpecification"),
        ("pointInTimeRecovery.enabled", "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled")]),
    "ec2.DefaultSecurityGroup": Model(),  # adopted, and emptied
    "ec2.Eip": Model("ec2.AllocateAddress", "AWS::EC2::EIP"),
    "ec2.FlowLog": Model("ec2.CreateFlowLogs", "AWS::EC2::FlowLog", [], [
        ("vpcId", "", lambda vpc: {"ResourceIds": [vpc], "ResourceType": "VPC"})], [
        ("vpcId", "", lambda vpc: {"ResourceId": vpc, "ResourceType": "VPC"})]),
    "ec2.InternetGateway": Model("", "AWS::EC2::InternetGateway", [("vpcId", None)]),  # attached by a call of its own
    "ec2.NatGateway": Model("ec2.CreateNatGateway", "AWS::EC2::NatGateway"),
    "ec2.NetworkAcl": Model("ec2.CreateNetworkAcl", "AWS::EC2::NetworkAcl", [("subnetIds", None), ("ingress", None),
                                                                             ("egress", None)]),  # calls of their own
    "ec2.Route": Model("ec2.CreateRoute", "AWS::EC2::Route"),
    "ec2.RouteTable": Model("ec2.CreateRouteTable", "AWS::EC2::RouteTable"),
    "ec2.RouteTableAssociation": Model("ec2.AssociateRouteTable", "AWS::EC2::SubnetRouteTableAssociation"),
    "ec2.SecurityGroup": Model("ec2.CreateSecurityGroup", "AWS::EC2::SecurityGroup", [
        ("namePrefix", "GroupName", lambda prefix: prefix + "20260101000000000000000000"), ("revokeRulesOnDelete", None)],
        [], [("description", "GroupDescription")]),
    "ec2.Subnet": Model("ec2.CreateSubnet", "AWS::EC2::Subnet"),
    "ec2.Vpc": Model("ec2.CreateVpc", "AWS::EC2::VPC", [], [("enableDnsHostnames", None), ("enableDnsSupport", None)]),
    "ec2.VpcEndpoint": Model("ec2.CreateVpcEndpoint", "AWS::EC2::VPCEndpoint", [], [("policy", "PolicyDocument")], [
        ("policy", "PolicyDocument", json.loads)], {"policy": "resource"}),
    "ecr.LifecyclePolicy": Model("ecr.PutLifecyclePolicy", "", [
        ("repository", "repositoryName"), ("policy", "lifecyclePolicyText")]),
    "ecr.Repository": Model("ecr.CreateRepository", "AWS::ECR::Repository", [
        ("name", "RepositoryName"), ("forceDelete", None),
        ("encryptionConfigurations", "EncryptionConfiguration", lambda all: all[0])]),
    "ecs.Cluster": Model("ecs.CreateCluster", "AWS::ECS::Cluster", [("name", "ClusterName")]),
    "ecs.Service": Model("ecs.CreateService", "AWS::ECS::Service", [
        ("name", "serviceName"), ("deploymentMinimumHealthyPercent", "deploymentConfiguration.minimumHealthyPercent"),
        ("deploymentMaximumPercent", "deploymentConfiguration.maximumPercent"), ("waitForSteadyState", None),
        ("deploymentCircuitBreaker", "deploymentConfiguration.deploymentCircuitBreaker"),
        ("alarms", "deploymentConfiguration.alarms"),
        ("networkConfiguration", "networkConfiguration.awsvpcConfiguration", lambda c: {
            **c, "assignPublicIp": "ENABLED" if c["assignPublicIp"] else "DISABLED"})]),
    "ecs.TaskDefinition": Model("ecs.RegisterTaskDefinition", "AWS::ECS::TaskDefinition"),
    "elasticache.ServerlessCache": Model("elasticache.CreateServerlessCache", "AWS::ElastiCache::ServerlessCache", [
        ("name", "ServerlessCacheName"), ("cacheUsageLimits.ecpuPerSeconds", "CacheUsageLimits.ECPUPerSecond", lambda all: all[0])]),
    "elasticache.User": Model("elasticache.CreateUser", "AWS::ElastiCache::User"),
    "elasticache.UserGroup": Model("elasticache.CreateUserGroup", "AWS::ElastiCache::UserGroup"),
    "glue.CatalogDatabase": Model("glue.CreateDatabase", "AWS::Glue::Database", [
        ("name", "", lambda name: {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": name}}),
        ("description", "DatabaseInput.Description")]),
    "glue.CatalogTable": Model("glue.CreateTable", "AWS::Glue::Table", [
        ("name", "", lambda name: {"CatalogId": ACCOUNT, "TableInput": {"Name": name}}), *[
            (name, "TableInput." + name) for name in ("parameters", "partitionKeys", "storageDescriptor", "tableType")]]),
    "guardduty.Detector": Model("guardduty.CreateDetector", "AWS::GuardDuty::Detector"),
    "inspector2.Enabler": Model("inspector2.Enable"),
    "iam.ServiceLinkedRole": Model("iam.CreateServiceLinkedRole", "AWS::IAM::ServiceLinkedRole"),
    "iam.Role": Model("iam.CreateRole", "AWS::IAM::Role", [("name", "RoleName")], policies={"assumeRolePolicy": "trust"},
                      for_call=[("assumeRolePolicy", "AssumeRolePolicyDocument")],
                      for_schema=[("assumeRolePolicy", "AssumeRolePolicyDocument", json.loads)]),
    "iam.RolePolicy": Model("iam.PutRolePolicy", "AWS::IAM::RolePolicy", [("name", "PolicyName"), ("role", "RoleName")], [
        ("policy", "PolicyDocument")], [("policy", "PolicyDocument", json.loads)], {"policy": "identity"}),
    "kms.Alias": Model("kms.CreateAlias", "AWS::KMS::Alias", [("name", "AliasName")]),
    "kms.Key": Model("kms.CreateKey", "AWS::KMS::Key", [], [("enableKeyRotation", None), ("deletionWindowInDays", None)], [
        ("policy", "KeyPolicy", json.loads), ("deletionWindowInDays", "PendingWindowInDays")], {"policy": "resource"}),
    "lambda.Alias": Model("lambda.CreateAlias", "AWS::Lambda::Alias"),
    "lambda.EventSourceMapping": Model("lambda.CreateEventSourceMapping", "AWS::Lambda::EventSourceMapping", [
        ("destinationConfig.onFailure.destinationArn", "destinationConfig.onFailure.Destination")]),
    "lambda.Function": Model("lambda.CreateFunction", "AWS::Lambda::Function", [("name", "FunctionName")], [
        ("code", "Code", lambda _: {"ZipFile": b"zip"}), ("reservedConcurrentExecutions", None)], [
        ("code", "Code", lambda _: {"S3Bucket": "bucket", "S3Key": "key"}),
        ("publish", None)]),  # a resource of its own there, AWS::Lambda::Version
    "lambda.FunctionEventInvokeConfig": Model("lambda.PutFunctionEventInvokeConfig", "AWS::Lambda::EventInvokeConfig", [], [], [
        ("functionName", "", lambda name: {"FunctionName": name, "Qualifier": "$LATEST"})]),
    "lambda.Permission": Model("lambda.AddPermission", "AWS::Lambda::Permission", [("function", "FunctionName")], [], [
        ("statementId", None)]),
    "lb.Listener": Model("elbv2.CreateListener", "AWS::ElasticLoadBalancingV2::Listener", [
        ("certificateArn", "Certificates", lambda arn: [{"CertificateArn": arn}]),
        ("defaultActions", "DefaultActions", lambda all: [{**a, **({"redirectConfig": a["redirect"]} if "redirect" in a else {})}
                                                          for a in all]),
        ("DefaultActions[].redirect", None)]),
    "lb.LoadBalancer": Model("elbv2.CreateLoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", [
        ("internal", "Scheme", lambda i: "internal" if i else "internet-facing"), ("loadBalancerType", "Type")], [
        (name, None) for name in BALANCER], [(name, "balancer." + name) for name in BALANCER] + [
        ("balancer", "LoadBalancerAttributes", attributes)]),
    "lb.TargetGroup": Model("elbv2.CreateTargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup", [
        ("deregistrationDelay", None), ("healthCheck.matcher", "Matcher.HttpCode"), ("healthCheck.path", "HealthCheckPath"),
        ("healthCheck.protocol", "HealthCheckProtocol"), ("healthCheck.interval", "HealthCheckIntervalSeconds"),
        ("healthCheck.timeout", "HealthCheckTimeoutSeconds"), ("healthCheck.healthyThreshold", "HealthyThresholdCount"),
        ("healthCheck.port", "HealthCheckPort"), ("healthCheck.unhealthyThreshold", "UnhealthyThresholdCount"),
        ("healthCheck", None)]),
    "msk.Cluster": Model("kafka.CreateCluster", "AWS::MSK::Cluster", [
        ("clientAuthentication.sasl.iam", "clientAuthentication.sasl.Iam", enabled),
        ("clientAuthentication.sasl.scram", "clientAuthentication.sasl.Scram", enabled),
        ("clientAuthentication.unauthenticated", "clientAuthentication.Unauthenticated", enabled),
        ("encryptionInfo.encryptionAtRestKmsKeyArn", "encryptionInfo.encryptionAtRest.dataVolumeKMSKeyId"),
        ("brokerNodeGroupInfo.storageInfo.ebsStorageInfo", "brokerNodeGroupInfo.storageInfo.EBSStorageInfo")]),
    "msk.Configuration": Model("kafka.CreateConfiguration", "AWS::MSK::Configuration"),
    "route53.Record": Model("", "AWS::Route53::RecordSet", [
        ("zoneId", "HostedZoneId"), ("records", "ResourceRecords"), ("allowOverwrite", None),
        ("aliases", "AliasTarget", lambda all: {"DNSName": all[0]["name"], "HostedZoneId": all[0]["zoneId"],
                                                "EvaluateTargetHealth": all[0]["evaluateTargetHealth"]})]),
    "s3.BucketV2": Model("s3.CreateBucket", "AWS::S3::Bucket", [("forceDestroy", None)], [], [("bucket", "BucketName")]),
    "s3.BucketPolicy": Model("s3.PutBucketPolicy", "AWS::S3::BucketPolicy", [], [], [
        ("policy", "PolicyDocument", json.loads)], {"policy": "resource"}),
    "s3.BucketPublicAccessBlock": Model("s3.PutPublicAccessBlock", "", [
        (name, "PublicAccessBlockConfiguration." + name)
        for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")],
        part_of=("s3.BucketV2", "publicAccessBlockConfiguration")),
    "s3.BucketLifecycleConfigurationV2": Model("s3.PutBucketLifecycleConfiguration", "", [
        ("rules", "LifecycleConfiguration.Rules")]),
    "s3.BucketServerSideEncryptionConfigurationV2": Model("s3.PutBucketEncryption", "", [
        ("rules", "ServerSideEncryptionConfiguration.Rules")], part_of=("s3.BucketV2", "bucketEncryption"), for_part=[
        ("rules", "ServerSideEncryptionConfiguration", lambda rules: [{
            "BucketKeyEnabled": rule.get("bucketKeyEnabled", False), "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
                "KMSMasterKeyID": rule["applyServerSideEncryptionByDefault"].get("kmsMasterKeyId")}} for rule in rules])]),
    "s3.BucketObjectLockConfigurationV2": Model("s3.PutObjectLockConfiguration", "", [], [
        (name, "ObjectLockConfiguration." + name) for name in ("objectLockEnabled", "rule")],
        part_of=("s3.BucketV2", "objectLockConfiguration")),
    "s3.BucketReplicationConfig": Model("s3.PutBucketReplication", "", [], [
        (name, "ReplicationConfiguration." + name) for name in ("role", "rules")],
        part_of=("s3.BucketV2", "replicationConfiguration")),
    "s3.BucketVersioningV2": Model("s3.PutBucketVersioning", part_of=("s3.BucketV2", "versioningConfiguration"), for_part=[
        ("versioningConfiguration", "")]),
    "securityhub.Account": Model("securityhub.EnableSecurityHub", "AWS::SecurityHub::Hub", [], [("autoEnableControls", None)]),
    "securityhub.StandardsSubscription": Model("securityhub.BatchEnableStandards", "AWS::SecurityHub::Standard", [], [
        ("standardsArn", "StandardsSubscriptionRequests", lambda arn: [{"StandardsArn": arn}])]),
    "secretsmanager.Secret": Model("secretsmanager.CreateSecret", "AWS::SecretsManager::Secret",
                                   [("recoveryWindowInDays", None)]),
    "secretsmanager.SecretRotation": Model("secretsmanager.RotateSecret", "AWS::SecretsManager::RotationSchedule"),
    "secretsmanager.SecretVersion": Model("secretsmanager.PutSecretValue"),
    "sns.Topic": Model("sns.CreateTopic", "AWS::SNS::Topic", [], [
        ("kmsMasterKeyId", "Attributes.KmsMasterKeyId")], [("name", "TopicName")]),
    "sns.TopicPolicy": Model("", "AWS::SNS::TopicPolicy", [
        ("arn", "Topics", listed), ("policy", "PolicyDocument", json.loads)], policies={"policy": "resource"}),
    "sns.TopicSubscription": Model("sns.Subscribe", "AWS::SNS::Subscription", [("topic", "TopicArn")]),
    "vpc.SecurityGroupEgressRule": Model("", "AWS::EC2::SecurityGroupEgress", [
        ("securityGroupId", "GroupId"), ("cidrIpv4", "CidrIp"), ("prefixListId", "DestinationPrefixListId"),
        ("referencedSecurityGroupId", "DestinationSecurityGroupId")]),
    "vpc.SecurityGroupIngressRule": Model("", "AWS::EC2::SecurityGroupIngress", [
        ("securityGroupId", "GroupId"), ("cidrIpv4", "CidrIp"), ("prefixListId", "SourcePrefixListId"),
        ("referencedSecurityGroupId", "SourceSecurityGroupId")]),
    "wafv2.WebAcl": Model("wafv2.CreateWebACL", "AWS::WAFv2::WebACL", [
        ("customResponseBodies", "CustomResponseBodies", lambda all: {b["key"]: {
            "Content": b["content"], "ContentType": b["contentType"]} for b in all})]),
    "wafv2.WebAclAssociation": Model("wafv2.AssociateWebACL", "AWS::WAFv2::WebACLAssociation"),
    "wafv2.WebAclLoggingConfiguration": Model("wafv2.PutLoggingConfiguration", "AWS::WAFv2::LoggingConfiguration", [], [
        ("", "LoggingConfiguration")]),
}


def notification(n):
    """A budget's, with its subscribers beside it."""
    return {"Notification": {"NotificationType": n["notificationType"], "ComparisonOperator": n["comparisonOperator"],
                             "Threshold": n["threshold"], "ThresholdType": n["thresholdType"]},
            "Subscribers": [{"SubscriptionType": "SNS", "Address": a} for a in n.get("subscriberSnsTopicArns", [])]
            + [{"SubscriptionType": "EMAIL", "Address": a} for a in n.get("subscriberEmailAddresses", [])]}


def metric_query(query):
    if "metric" not in query:
        return query
    metric = dict(query["metric"])
    named = {"Namespace": metric.pop("namespace"), "MetricName": metric.pop("metricName"),
             "Dimensions": pairs(metric.pop("dimensions"))}
    return {**query, "metric": None, "MetricStat": {"Metric": named, **metric}}


def rearranged(inputs, moves):
    """A copy of inputs with each value where a model has it."""
    result = json.loads(json.dumps(inputs))
    for path, to, *function in TAGS + moves:
        if path == "DefaultActions[].redirect":
            for action in result.get("DefaultActions", []):
                action.pop("redirect", None)
            continue
        if path == "":  # all of it, one level deeper
            result = {to: result}
            continue
        *parents, last = path.split(".")
        at = result
        for parent in parents:
            at = at.get(parent, {}) if isinstance(at, dict) else {}
        if not isinstance(at, dict) or last not in at:
            continue
        value = at.pop(last)
        if not at and len(parents) == 1:
            del result[parents[0]]
        if to is None:
            continue
        value = function[0](value) if function else value
        if to == "":
            result.update(value)
            continue
        *parents, last = to.split(".")
        at = result
        for parent in parents:
            at = at.setdefault(parent, {})
        if isinstance(value, dict) and isinstance(at.get(last), dict):
            at[last].update(value)
        else:
            at[last] = value
    return without_none(result)


def without_none(value):
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return [without_none(v) for v in value] if isinstance(value, list) else value


# What AWS would call what only a deployment names. The recorder's names say which resource is meant.
IDS = {
    "ec2.Subnet": "subnet-", "ec2.SecurityGroup": "sg-", "ec2.Vpc": "vpc-", "ec2.RouteTable": "rtb-", "ec2.NatGateway": "nat-",
    "ec2.InternetGateway": "igw-", "ec2.Eip": "eipalloc-",
}


def plausible(value):
    if isinstance(value, dict):
        return {k: plausible(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plausible(v) for v in value]
    if isinstance(value, str):
        kind = value.split("-")[0]
        if kind in IDS:
            return IDS[kind] + hashlib.sha256(value.encode()).hexdigest()[:17]
        if re.fullmatch(r"pl-[a-z0-9]+", value):
            return "pl-0123456789abcdef0"
    return value
