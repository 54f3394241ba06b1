package main

import "fmt"

// unencrypted finds data that lies or travels in the clear, and ways in without IAM.
func unencrypted(g graph) (broken []string) {
	report := func(n registration, format string, args ...any) {
		broken = append(broken, fmt.Sprintf("%s %s", n, fmt.Sprintf(format, args...)))
	}
	for _, n := range g.of("msk.Cluster") {
		if n.text("encryptionInfo", "encryptionAtRestKmsKeyArn") == "" {
			report(n, "has disks without a key of ours")
		}
		if n.text("encryptionInfo", "encryptionInTransit", "clientBroker") != "TLS" || !n.is("encryptionInfo", "encryptionInTransit", "inCluster") {
			report(n, "takes or passes on plain text")
		}
		if !n.is("clientAuthentication", "sasl", "iam") || n.is("clientAuthentication", "sasl", "scram") || n.is("clientAuthentication", "unauthenticated") {
			report(n, "lets in others than IAM knows")
		}
	}
	for _, n := range g.of("dynamodb.Table") {
		if !n.is("serverSideEncryption", "enabled") {
			report(n, "is not encrypted with a KMS key")
		}
	}
	for _, n := range g.of("sns.Topic") {
		if n.text("kmsMasterKeyId") == "" {
			report(n, "is not encrypted")
		}
	}
	for _, n := range g.of("kms.Key") {
		if !n.is("enableKeyRotation") {
			report(n, "is not rotated")
		}
	}
	for _, n := range g.of("ecr.Repository") {
		if n.text("encryptionConfigurations", "encryptionType") == "" {
			report(n, "is not encrypted")
		}
	}
	for _, bucket := range g.of("s3.BucketV2") {
		for short, what := range map[string]string{
			"s3.BucketServerSideEncryptionConfigurationV2": "is not encrypted", "s3.BucketPublicAccessBlock": "may become public", "s3.BucketPolicy": "takes plain HTTP",
		} {
			if !g.has(short, bucket.Name) {
				report(bucket, "%s", what)
			}
		}
	}
	secure := g.has("lb.Listener", "https")
	if g.Protect && !secure {
		broken = append(broken, "a protected stack has no HTTPS listener")
	}
	for _, n := range g.of("lb.Listener") {
		switch {
		case n.Name == "https" && n.text("sslPolicy") != "ELBSecurityPolicy-TLS13-1-2-2021-06":
			report(n, "takes TLS older than 1.2")
		case n.Name == "http" && secure && n.text("defaultActions", "type") != "redirect":
			report(n, "serves plain HTTP beside HTTPS")
		}
	}
	for _, n := range g.of("lb.LoadBalancer") {
		if !n.is("dropInvalidHeaderFields") {
			report(n, "passes invalid headers on")
		}
	}
	return broken
}

func (g graph) has(short, name string) bool {
	for _, n := range g.of(short) {
		if n.Name == name {
			return true
		}
	}
	return false
}
