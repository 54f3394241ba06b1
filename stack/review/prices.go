package review

// PricesAsOf is the month of the list prices below. They are AWS's prices in us-east-1, in US dollars, without tax,
// discounts and free tiers, which depend on the account. Change it together with the prices; each has its page.
const PricesAsOf = "2025-06"

const (
	hoursAMonth   = 730 // as AWS's calculator counts
	secondsAMonth = hoursAMonth * 3600
	million       = 1_000_000
	gigabyte      = 1_000_000_000
	gibibyte      = 1 << 30
)

// https://aws.amazon.com/msk/pricing/: a broker and hour, and what its disk is a GB-month.
var brokerHour = map[string]float64{
	"kafka.t3.small": 0.0456, "kafka.m5.large": 0.21, "kafka.m5.xlarge": 0.42, "kafka.m5.2xlarge": 0.84,
	"kafka.m7g.large": 0.204, "kafka.m7g.xlarge": 0.408, "kafka.m7g.2xlarge": 0.816, "kafka.m7g.4xlarge": 1.632,
}

const (
	brokerDiskMonth = 0.10

	natGatewayHour       = 0.045 // https://aws.amazon.com/vpc/pricing/
	natGatewayGB         = 0.045
	publicAddressHour    = 0.005
	interfaceEndpoint    = 0.01 // an hour and zone; https://aws.amazon.com/privatelink/pricing/
	interfaceEndpointGB  = 0.01
	betweenZonesGB       = 0.02 // 0.01 out of the one, 0.01 into the other; https://aws.amazon.com/ec2/pricing/on-demand/
	balancerHour         = 0.0225
	balancerUnitHour     = 0.008   // one unit is 1 GB an hour; https://aws.amazon.com/elasticloadbalancing/pricing/
	fargateCPUHour       = 0.03238 // on arm64; https://aws.amazon.com/fargate/pricing/
	fargateGBHour        = 0.00356
	lambdaGBSecond       = 0.0000133334 // on arm64; https://aws.amazon.com/lambda/pricing/
	lambdaInvocations    = 0.20         // a million
	pollersUnitHour      = 0.185        // up to ten provisioned pollers of a Kafka mapping
	tableWrites          = 0.625        // a million of 1 KB, on demand; https://aws.amazon.com/dynamodb/pricing/on-demand/
	tableReads           = 0.125        // a million of 4 KB, eventually consistent ones cost half
	tableGBMonth         = 0.25
	tableRecoveryGBMonth = 0.20 // point in time
	logsGB               = 0.50 // taken in; https://aws.amazon.com/cloudwatch/pricing/
	alarmMetricMonth     = 0.10
	metricMonth          = 0.30
	dashboardMonth       = 3.00
	compositeAlarmMonth  = 0.50
	cacheGBHour          = 0.084 // Valkey, serverless; https://aws.amazon.com/elasticache/pricing/
	cacheLeastGB         = 0.1   // the minimum that is charged
	cacheUnits           = 0.0023
	bucketGBMonth        = 0.023 // https://aws.amazon.com/s3/pricing/
	putsThousand         = 0.005
	traces               = 5.00 // a million; https://aws.amazon.com/xray/pricing/
	keyMonth             = 1.00 // https://aws.amazon.com/kms/pricing/
	secretMonth          = 0.40 // https://aws.amazon.com/secrets-manager/pricing/
	firewallMonth        = 5.00 // a web ACL; https://aws.amazon.com/waf/pricing/
	firewallRuleMonth    = 1.00
	firewallRequests     = 0.60 // a million
)

// paidByUse are types whose costs depend on what is stored or sent. The program does not know that, so these costs are
// in no sum, and the bill shows their price.
var paidByUse = map[string]string{
	"athena.Workgroup":    "5.00 a TB that a query reads, 10 MB at least", // https://aws.amazon.com/athena/pricing/
	"cfg.Recorder":        "0.003 for each change that it records",
	"guardduty.Detector":  "by the events and logs that it reads: docs/deploying.md",
	"inspector2.Enabler":  "by the image and function that it scans: docs/deploying.md",
	"securityhub.Account": "0.001 for each of its checks",
	// https://aws.amazon.com/shield/pricing/
	"shield.Protection": "3,000 for Shield Advanced, once for all accounts of an organization, for a year",
	// https://aws.amazon.com/backup/pricing/
	"backup.Vault": "0.10 a GB-month of the table's backups, each of all that is in it",
	"s3.BucketReplicationConfig": "0.02 a GB sent to another region, 0.005 a thousand objects put there; " +
		"1.20 for its four metrics where failures are counted",
	"s3.BucketV2": "0.023 a GB-month, 0.005 a thousand puts", // https://aws.amazon.com/s3/pricing/
	// https://aws.amazon.com/ecr/pricing/
	"ecr.Repository":          "0.10 a GB-month",
	"ec2.FlowLog":             "0.25 a GB that is logged to S3",
	"cloudwatch.LogGroup":     "0.03 a GB-month kept; what an event writes is in the sum of events",
	"sns.Topic":               "2 a hundred thousand mails",
	"cloudfront.Distribution": "0.085 a GB and 1.00 a million requests", // https://aws.amazon.com/cloudfront/pricing/
}

// free are types that cost nothing by themselves: topics, as MSK charges by broker, and definitions, as only running
// tasks are charged.
var free = []string{
	"athena.NamedQuery", "cfg.DeliveryChannel", "cfg.RecorderStatus", "ec2.NetworkAcl", "glue.CatalogDatabase",
	"glue.CatalogTable", "iam.ServiceLinkedRole", "securityhub.StandardsSubscription",
	"acm.Certificate", "acm.CertificateValidation", "appautoscaling.Policy", "appautoscaling.Target",
	"backup.Plan", "backup.RestoreTestingPlan", "backup.RestoreTestingSelection", "backup.Selection",
	"budgets.Budget", "chatbot.SlackChannelConfiguration", "cloudcontrol.Resource", "cloudfront.CachePolicy",
	"cloudfront.ResponseHeadersPolicy", "cloudfront.VpcOrigin", "cloudwatch.LogDelivery",
	"cloudwatch.LogDeliveryDestination", "cloudwatch.LogDeliverySource", "cloudwatch.LogMetricFilter",
	"cloudwatch.EventRule", "cloudwatch.EventTarget",
	"cloudwatch.QueryDefinition",
	"costexplorer.AnomalyMonitor", "costexplorer.AnomalySubscription", "docker.Image", "ec2.DefaultSecurityGroup",
	"ec2.InternetGateway", "ec2.Route", "ec2.RouteTable", "ec2.RouteTableAssociation", "ec2.SecurityGroup",
	"ec2.Subnet", "ec2.Vpc", "ecr.LifecyclePolicy", "ecs.Cluster", "ecs.TaskDefinition", "elasticache.User",
	"elasticache.UserGroup", "iam.OpenIdConnectProvider", "iam.Policy", "iam.Role", "iam.RolePolicy",
	"iam.RolePolicyAttachment", "kms.Alias", "lambda.Alias", "lambda.FunctionEventInvokeConfig",
	"lambda.Permission", "lb.Listener", "lb.TargetGroup", "msk.Configuration",
	"route53.Record", "s3.BucketLifecycleConfigurationV2", "s3.BucketPolicy", "s3.BucketObjectLockConfigurationV2",
	"s3.BucketPublicAccessBlock",
	"s3.BucketServerSideEncryptionConfigurationV2", "s3.BucketVersioningV2", "secretsmanager.SecretRotation",
	"secretsmanager.SecretVersion",
	"sns.TopicPolicy", "sns.TopicSubscription", "vpc.SecurityGroupEgressRule", "vpc.SecurityGroupIngressRule",
	"wafv2.IpSet", "wafv2.WebAclAssociation", "wafv2.WebAclLoggingConfiguration",
}
