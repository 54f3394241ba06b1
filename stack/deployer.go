package main

import (
	"slices"
	"strings"

	"event-processing-service/stack/review"
)

// deployerRight is the actions by which the engine's providers make, read, change and delete resources of some types.
type deployerRight struct {
	sid       string
	types     []string // as review.Short has them; a stack without any of them does not need the right
	actions   []string
	resources []string
	condition map[string]map[string]string
}

// deployerRights are the rights for all types. Physical names start with the stack's name, and most rights are limited
// to such names. EC2, descriptions of load balancers and some others can't be limited by name. Source: the provider's
// resources, and the permissions that IAM's service authorization reference lists for the actions that they call.
func deployerRights(name, region, account string, topicNames []string, processors []namedProcessor) []deployerRight {
	arn := func(service, resource string) string {
		return strings.Join([]string{"arn:aws", service, region, account, resource}, ":")
	}
	roles := func(name string) string { return "arn:aws:iam::" + account + ":role/" + name }
	everything := []string{"*"}
	topics := func(kind string) []string {
		var all []string
		for _, topic := range topicNames {
			all = append(all, arn("kafka", kind+"/"+name+"/*/"+topic))
		}
		return all
	}
	var functions, functionRoles []string
	for _, p := range processors {
		function := arn("lambda", "function:"+p.function(name))
		functions = append(functions, function, function+":*")
		functionRoles = append(functionRoles, roles(p.role(name)))
	}
	return slices.Concat(choiceRights(name, arn, roles), edgeRights(), []deployerRight{
		{"Network", []string{"ec2.Vpc", "ec2.DefaultSecurityGroup", "ec2.Eip", "ec2.InternetGateway", "ec2.NatGateway",
			"ec2.NetworkAcl", "ec2.Route",
			"ec2.RouteTable", "ec2.RouteTableAssociation", "ec2.SecurityGroup", "ec2.Subnet", "ec2.VpcEndpoint",
			"vpc.SecurityGroupEgressRule", "vpc.SecurityGroupIngressRule"},
			all("ec2", "AllocateAddress", "AssociateRouteTable", "AttachInternetGateway", "AuthorizeSecurityGroupEgress",
				"AuthorizeSecurityGroupIngress", "CreateInternetGateway", "CreateNatGateway", "CreateNetworkAcl",
				"CreateNetworkAclEntry", "DeleteNetworkAcl", "DeleteNetworkAclEntry", "ReplaceNetworkAclAssociation",
				"ReplaceNetworkAclEntry", "CreateRoute", "CreateRouteTable",
				"CreateSecurityGroup", "CreateSubnet", "CreateTags", "CreateVpc", "CreateVpcEndpoint", "DeleteInternetGateway",
				"DeleteNatGateway", "DeleteRoute", "DeleteRouteTable", "DeleteSecurityGroup", "DeleteSubnet", "DeleteTags",
				"DeleteVpc", "DeleteVpcEndpoints", "DescribeAddresses", "DescribeAddressesAttribute", "DescribeInternetGateways",
				"DescribeNatGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribePrefixLists",
				"DescribeRouteTables", "DescribeSecurityGroupRules", "DescribeSecurityGroups", "DescribeSubnets",
				"DescribeVpcAttribute", "DescribeVpcEndpoints", "DescribeVpcs", "DetachInternetGateway", "DetachNetworkInterface",
				"DeleteNetworkInterface", "DisassociateAddress", "DisassociateRouteTable", "ModifySecurityGroupRules",
				"ModifySubnetAttribute", "ModifyVpcAttribute", "ModifyVpcEndpoint", "ReleaseAddress", "ReplaceRoute",
				"RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"), everything, nil},
		{"FlowLogs", []string{"ec2.FlowLog"}, all("ec2", "CreateFlowLogs", "DeleteFlowLogs", "DescribeFlowLogs"),
			everything, nil},
		{"Tables", []string{"glue.CatalogDatabase", "glue.CatalogTable"},
			all("glue", "CreateDatabase", "CreateTable", "DeleteDatabase", "DeleteTable", "GetDatabase", "GetTable", "GetTags",
				"TagResource", "UntagResource", "UpdateDatabase", "UpdateTable"),
			[]string{arn("glue", "catalog"), arn("glue", "database/"+queryDatabase(name, "*")),
				arn("glue", "table/"+queryDatabase(name, "*")+"/*"),
				arn("glue", "userDefinedFunction/"+queryDatabase(name, "*")+"/*")}, nil},
		{"TableQueries", []string{"athena.NamedQuery"},
			all("athena", "CreateNamedQuery", "DeleteNamedQuery", "GetNamedQuery"),
			[]string{arn("athena", "workgroup/primary"), arn("athena", "workgroup/"+name+"-archive")}, nil},
		{"Workgroup", []string{"athena.Workgroup"},
			all("athena", "CreateWorkGroup", "DeleteWorkGroup", "GetWorkGroup", "ListTagsForResource", "TagResource",
				"UntagResource", "UpdateWorkGroup"), []string{arn("athena", "workgroup/"+name+"-archive")}, nil},
		// AWS's log delivery acts with the deployer's rights.
		{"FlowLogDelivery", []string{"ec2.FlowLog"}, all("logs", "CreateLogDelivery", "DeleteLogDelivery"), everything, nil},
		{"Brokers", []string{"msk.Cluster"},
			all("kafka", "CreateCluster", "CreateClusterV2", "DeleteCluster", "DescribeCluster", "DescribeClusterV2",
				"DescribeClusterOperation", "DescribeClusterOperationV2", "GetBootstrapBrokers", "ListScramSecrets",
				"ListTagsForResource",
				"TagResource", "UntagResource", "UpdateBrokerStorage", "UpdateBrokerType", "UpdateClusterConfiguration",
				"UpdateClusterKafkaVersion", "UpdateMonitoring", "UpdateSecurity"), everything, nil},
		{"BrokerSettings", []string{"msk.Configuration"},
			all("kafka", "CreateConfiguration", "DeleteConfiguration", "DescribeConfiguration", "DescribeConfigurationRevision",
				"UpdateConfiguration"), everything, nil},
		{"TopicsByCloudControl", []string{"cloudcontrol.Resource"},
			all("cloudformation", "CancelResourceRequest", "CreateResource", "DeleteResource", "DescribeType", "GetResource",
				"GetResourceRequestStatus", "ListResources", "UpdateResource"), everything, nil},
		{"TopicsOfTheCluster", []string{"cloudcontrol.Resource"}, all("kafka-cluster", "Connect", "DescribeCluster"),
			[]string{arn("kafka", "cluster/"+name+"/*")}, nil},
		{"Topics", []string{"cloudcontrol.Resource"},
			all("kafka-cluster", "AlterTopic", "AlterTopicDynamicConfiguration", "CreateTopic", "DeleteTopic", "DescribeTopic",
				"DescribeTopicDynamicConfiguration"), topics("topic"), nil},
		{"TopicsByMSK", []string{"cloudcontrol.Resource"},
			all("kafka", "CreateTopic", "DeleteTopic", "DescribeTopic", "DescribeTopicPartitions", "ListTopics", "UpdateTopic"),
			append(topics("topic"), arn("kafka", "cluster/"+name+"/*")), nil},
		{"Table", []string{"dynamodb.Table"},
			all("dynamodb", "CreateTable", "DeleteTable", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive",
				"ListTagsOfResource", "TagResource", "UntagResource", "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"),
			[]string{arn("dynamodb", "table/"+eventsTable(name)), arn("dynamodb", "table/"+subjectKeys(name))}, nil},
		{"Key", []string{"kms.Key", "kms.Alias"},
			all("kms", "CreateAlias", "CreateGrant", "CreateKey", "Decrypt", "DeleteAlias", "DescribeKey", "EnableKeyRotation",
				"Encrypt",
				"GenerateDataKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListResourceTags", "PutKeyPolicy",
				"RetireGrant", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias",
				"UpdateKeyDescription"), everything, nil},
		{"Repository", []string{"ecr.Repository", "ecr.LifecyclePolicy", "docker.Image"},
			all("ecr", "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
				"DeleteLifecyclePolicy", "DeleteRepository", "BatchDeleteImage", "DescribeRepositories", "GetDownloadUrlForLayer",
				"GetLifecyclePolicy", "InitiateLayerUpload", "ListTagsForResource", "PutImage", "PutImageScanningConfiguration",
				"PutImageTagMutability", "PutLifecyclePolicy", "TagResource", "UntagResource", "UploadLayerPart"),
			[]string{arn("ecr", "repository/"+name)}, nil},
		{"RegistryToken", []string{"docker.Image"}, all("ecr", "GetAuthorizationToken"), everything, nil},
		{"Balancer", []string{"lb.LoadBalancer", "lb.Listener", "lb.TargetGroup"},
			all("elasticloadbalancing", "AddTags", "CreateListener", "CreateLoadBalancer", "CreateTargetGroup", "DeleteListener",
				"DeleteLoadBalancer", "DeleteTargetGroup", "DescribeCapacityReservation", "DescribeListenerAttributes",
				"DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeTags",
				"DescribeTargetGroupAttributes", "DescribeTargetGroups", "DescribeTargetHealth", "ModifyListener",
				"ModifyListenerAttributes", "ModifyLoadBalancerAttributes", "ModifyTargetGroup", "ModifyTargetGroupAttributes",
				"RemoveTags", "SetSecurityGroups", "SetSubnets"), everything, nil},
		{"Certificate", []string{"acm.Certificate", "acm.CertificateValidation"},
			all("acm", "AddTagsToCertificate", "DeleteCertificate", "DescribeCertificate", "ListTagsForCertificate",
				"RemoveTagsFromCertificate", "RequestCertificate"), everything, nil},
		{"Names", []string{"route53.Record"}, all("route53", "ChangeResourceRecordSets", "GetChange", "GetHostedZone",
			"ListResourceRecordSets"), []string{"arn:aws:route53:::hostedzone/*", "arn:aws:route53:::change/*"}, nil},
		{"Service", []string{"ecs.Cluster", "ecs.Service", "ecs.TaskDefinition"},
			all("ecs", "CreateCluster", "CreateService", "DeleteCluster", "DeleteService", "DeregisterTaskDefinition",
				"DescribeClusters", "DescribeServices", "DescribeTaskDefinition", "ListTagsForResource", "RegisterTaskDefinition",
				"TagResource", "UntagResource", "UpdateCluster", "UpdateService"), everything, nil},
		{"Autoscaling", []string{"appautoscaling.Target", "appautoscaling.Policy"},
			all("application-autoscaling", "DeleteScalingPolicy", "DeregisterScalableTarget", "DescribeScalableTargets",
				"DescribeScalingPolicies", "ListTagsForResource", "PutScalingPolicy", "RegisterScalableTarget", "TagResource",
				"UntagResource"), everything, nil},
		{"Function", []string{"lambda.Function", "lambda.Alias"},
			all("lambda", "CreateAlias", "CreateFunction", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency",
				"GetAlias", "GetFunction",
				"GetFunctionCodeSigningConfig", "GetFunctionConfiguration", "ListTags", "ListVersionsByFunction",
				"PublishVersion", "PutFunctionConcurrency", "TagResource", "UntagResource", "UpdateAlias", "UpdateFunctionCode",
				"UpdateFunctionConfiguration"), functions, nil},
		{"Mapping", []string{"lambda.EventSourceMapping"},
			all("lambda", "CreateEventSourceMapping", "DeleteEventSourceMapping", "GetEventSourceMapping", "ListTags",
				"TagResource", "UntagResource", "UpdateEventSourceMapping"), everything, nil},
		{"Roles", []string{"iam.Role", "iam.RolePolicy"},
			all("iam", "CreateRole", "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies",
				"ListInstanceProfilesForRole", "ListRolePolicies", "ListRoleTags", "PutRolePolicy", "TagRole", "UntagRole",
				"UpdateAssumeRolePolicy", "UpdateRole"), []string{roles(name + "-*")}, nil},
		{"RolesToTasks", []string{"ecs.TaskDefinition"}, all("iam", "PassRole"), []string{roles(name + "-*")},
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}},
		{"RoleToFunction", []string{"lambda.Function"}, all("iam", "PassRole"),
			functionRoles,
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}},
		{"RolesToBackups", []string{"backup.Selection"}, all("iam", "PassRole"),
			[]string{roles(name + "-backup"), roles(name + "-restore")},
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}}},
		// The first stack of an account creates AWS's service-linked roles.
		{"ServiceRoles", []string{"cloudfront.VpcOrigin", "msk.Cluster", "ecs.Service", "lb.LoadBalancer",
			"appautoscaling.Target", "backup.RestoreTestingPlan", "chatbot.SlackChannelConfiguration",
			"elasticache.ServerlessCache"},
			all("iam", "CreateServiceLinkedRole"), []string{roles("aws-service-role/*")}, nil},
		{"Buckets", []string{"s3.BucketV2", "s3.BucketPolicy", "s3.BucketPublicAccessBlock",
			"s3.BucketLifecycleConfigurationV2", "s3.BucketObjectLockConfigurationV2", "s3.BucketVersioningV2",
			"s3.BucketReplicationConfig",
			"s3.BucketServerSideEncryptionConfigurationV2"},
			all("s3", "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "GetAccelerateConfiguration", "GetBucketAcl",
				"GetBucketCORS", "GetBucketLocation", "GetBucketLogging", "GetBucketObjectLockConfiguration", "GetBucketPolicy",
				"GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning",
				"GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration", "GetReplicationConfiguration",
				"ListBucket", "ListBucketVersions", "PutBucketObjectLockConfiguration", "PutBucketPolicy",
				"PutBucketPublicAccessBlock", "PutBucketTagging",
				"PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration",
				"PutReplicationConfiguration"), []string{"arn:aws:s3:::" + name + "-*"}, nil},
		{"RoleToReplication", []string{"s3.BucketReplicationConfig"}, all("iam", "PassRole"),
			[]string{roles(name + "-archive-replication")},
			map[string]map[string]string{"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}},
		{"BucketsContents", []string{"s3.BucketV2"}, all("s3", "DeleteObject", "DeleteObjectVersion"),
			[]string{"arn:aws:s3:::" + name + "-*/*"}, nil},
		{"Backups", []string{"backup.Vault", "backup.Plan", "backup.Selection", "backup.RestoreTestingPlan",
			"backup.RestoreTestingSelection"},
			all("backup", "CreateBackupPlan", "CreateBackupSelection", "CreateBackupVault", "CreateRestoreTestingPlan",
				"CreateRestoreTestingSelection", "DeleteBackupPlan", "DeleteBackupSelection", "DeleteBackupVault",
				"DeleteRecoveryPoint", "DeleteRestoreTestingPlan", "DeleteRestoreTestingSelection", "DescribeBackupVault",
				"GetBackupPlan", "GetBackupSelection", "GetRestoreTestingPlan", "GetRestoreTestingSelection",
				"ListRecoveryPointsByBackupVault", "ListTags", "TagResource", "UntagResource", "UpdateBackupPlan",
				"UpdateRestoreTestingPlan", "UpdateRestoreTestingSelection"), everything, nil},
		{"BackupStorage", []string{"backup.Vault"}, all("backup-storage", "MountCapsule"), everything, nil},
		{"Secret", []string{"secretsmanager.Secret", "secretsmanager.SecretVersion"},
			all("secretsmanager", "CreateSecret", "DeleteSecret", "DescribeSecret", "GetResourcePolicy", "GetSecretValue",
				"PutSecretValue", "TagResource", "UntagResource", "UpdateSecret", "UpdateSecretVersionStage"),
			[]string{arn("secretsmanager", "secret:"+name+"/*")}, nil},
		{"NewKey", []string{"secretsmanager.Secret"}, all("secretsmanager", "GetRandomPassword"), everything, nil},
		{"Alarms", []string{"cloudwatch.MetricAlarm", "cloudwatch.CompositeAlarm", "cloudwatch.Dashboard"},
			all("cloudwatch", "DeleteAlarms", "DeleteDashboards", "DescribeAlarms", "GetDashboard", "ListTagsForResource",
				"PutCompositeAlarm", "PutDashboard", "PutMetricAlarm", "TagResource", "UntagResource"), everything, nil},
		{"AlarmTopic", []string{"sns.Topic", "sns.TopicPolicy", "sns.TopicSubscription"},
			all("sns", "CreateTopic", "DeleteTopic", "GetTopicAttributes", "ListTagsForResource", "SetTopicAttributes",
				"Subscribe",
				"TagResource", "UntagResource"), []string{arn("sns", name+"-alarms")}, nil},
		{"AlarmSubscriptions", []string{"sns.TopicSubscription"}, all("sns", "GetSubscriptionAttributes", "Unsubscribe"),
			everything, nil},
		{"Budget", []string{"budgets.Budget"}, all("budgets", "ListTagsForResource", "ModifyBudget", "TagResource",
			"UntagResource", "ViewBudget"), []string{"arn:aws:budgets::" + account + ":budget/" + name}, nil},
		{"CostAnomalies", []string{"costexplorer.AnomalyMonitor", "costexplorer.AnomalySubscription"},
			all("ce", "CreateAnomalyMonitor", "CreateAnomalySubscription", "DeleteAnomalyMonitor", "DeleteAnomalySubscription",
				"GetAnomalyMonitors", "GetAnomalySubscriptions", "ListTagsForResource", "TagResource", "UntagResource",
				"UpdateAnomalyMonitor", "UpdateAnomalySubscription"), everything, nil},
		{"Logs", []string{"cloudwatch.LogGroup"},
			all("logs", "AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DisassociateKmsKey",
				"ListTagsForResource", "PutRetentionPolicy", "DeleteRetentionPolicy", "TagResource", "UntagResource"),
			[]string{arn("logs", "log-group:*")}, nil},
		{"LogMetrics", []string{"cloudwatch.LogMetricFilter"}, all("logs", "DeleteMetricFilter", "DescribeMetricFilters",
			"PutMetricFilter"), []string{arn("logs", "log-group:*")}, nil},
		{"LogGroups", []string{"cloudwatch.LogGroup"}, all("logs", "DescribeLogGroups"), everything, nil},
		// MSK sets up its log delivery with the deployer's rights.
		{"BrokerLogs", []string{"msk.Cluster"}, all("logs", "CreateLogDelivery", "DeleteLogDelivery",
			"DescribeResourcePolicies",
			"GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"), everything, nil},
	})
}

// all are actions of one service.
func all(service string, actions ...string) (full []string) {
	for _, action := range actions {
		full = append(full, service+":"+action)
	}
	return full
}

// deployerPolicy returns the rights that the resources of a graph need, and the types that no right covers.
func deployerPolicy(g review.Graph, rights []deployerRight) (d document, uncovered []string) {
	covered := map[string]bool{}
	for _, r := range rights {
		needed := slices.ContainsFunc(r.types, func(short string) bool { return len(g.Of(short)) > 0 })
		for _, short := range r.types {
			covered[short] = true
		}
		if needed {
			slices.Sort(r.actions)
			s := allow(r.sid, r.resources, r.actions...)
			s.Condition = r.condition
			d.Statement = append(d.Statement, s)
		}
	}
	for _, n := range g.Nodes {
		short := review.Short(n.Type)
		if n.Custom && !strings.HasPrefix(n.Type, "pulumi:providers:") && !covered[short] {
			uncovered, covered[short] = append(uncovered, short), true
		}
	}
	return policy(d.Statement...), uncovered
}
