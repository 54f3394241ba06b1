package review

import "fmt"

// unencrypted finds data that is stored or sent unencrypted, and access to brokers without IAM.
func unencrypted(g Graph) (broken []string) {
	report := func(n Registration, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("%s %s", n, fmt.Sprintf(format, args...)))
	}
	for _, n := range g.Of("msk.Cluster") {
		if n.Text("encryptionInfo", "encryptionAtRestKmsKeyArn") == "" {
			report(n, "has disks without a key of ours")
		}
		if n.Text("encryptionInfo", "encryptionInTransit", "clientBroker") != "TLS" || !n.Is("encryptionInfo",
			"encryptionInTransit", "inCluster") {
			report(n, "allows plain text")
		}
		if !n.Is("clientAuthentication", "sasl", "iam") || n.Is("clientAuthentication", "sasl", "scram") ||
			n.Is("clientAuthentication", "unauthenticated") {
			report(n, "accepts clients without IAM")
		}
	}
	for _, n := range g.Of("dynamodb.Table") {
		if !n.Is("serverSideEncryption", "enabled") {
			report(n, "is not encrypted with a KMS key")
		}
	}
	for _, n := range g.Of("sns.Topic") {
		if n.Text("kmsMasterKeyId") == "" {
			report(n, "is not encrypted")
		}
	}
	for _, n := range g.Of("kms.Key") {
		if !n.Is("enableKeyRotation") {
			report(n, "is not rotated")
		}
	}
	for _, n := range g.Of("ecr.Repository") {
		if n.Text("encryptionConfigurations", "encryptionType") == "" {
			report(n, "is not encrypted")
		}
	}
	for _, bucket := range g.Of("s3.BucketV2") {
		for short, what := range map[string]string{
			"s3.BucketServerSideEncryptionConfigurationV2": "is not encrypted",
			"s3.BucketPublicAccessBlock":                   "may become public", "s3.BucketPolicy": "takes plain HTTP",
		} {
			if !g.Has(short, bucket.Name) {
				report(bucket, "%s", what)
			}
		}
	}
	secure := g.Has("lb.Listener", "https")
	if g.Protect && !secure && len(g.Of("lb.LoadBalancer")) > 0 {
		broken = append(broken, "a protected stack has no HTTPS listener")
	}
	for _, n := range g.Of("lb.Listener") {
		switch {
		case n.Name == "https" && n.Text("sslPolicy") != "ELBSecurityPolicy-TLS13-1-2-2021-06":
			report(n, "accepts TLS older than 1.2")
		case n.Name == "http" && secure && n.Text("defaultActions", "type") != "redirect":
			report(n, "serves plain HTTP beside HTTPS")
		}
	}
	for _, n := range g.Of("lb.LoadBalancer") {
		if !n.Is("dropInvalidHeaderFields") {
			report(n, "passes invalid headers on")
		}
	}
	return broken
}
