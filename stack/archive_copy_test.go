package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"event-processing-service/stack/review"
)

func TestWhatIsArchivedIsCopiedToAnotherRegionWithItsLockAndAKeyOfThatRegion(t *testing.T) {
	g := withChange(t, "prod", in("archive", "replicateTo", "us-west-2"))
	for _, short := range []string{"s3.BucketV2", "s3.BucketVersioningV2", "s3.BucketObjectLockConfigurationV2",
		"s3.BucketLifecycleConfigurationV2", "s3.BucketPolicy", "s3.BucketPublicAccessBlock", "kms.Key"} {
		if n := find(t, g, short, "archive-us-west-2"); !strings.Contains(n.Provider, "::aws-us-west-2::") {
			t.Errorf("%s is on %s", n, n.Provider)
		}
	}
	replication := find(t, g, "s3.BucketReplicationConfig", "archive")
	for _, bucket := range []string{"archive", "archive-us-west-2"} {
		if !slices.Contains(replication.DependsOn, find(t, g, "s3.BucketVersioningV2", bucket).URN) {
			t.Errorf("the replication does not wait for versions of %s", bucket)
		}
	}
	key := replication.Text("rules", "destination", "encryptionConfiguration", "replicaKmsKeyId")
	if replication.Text("rules", "sourceSelectionCriteria", "sseKmsEncryptedObjects", "status") != "Enabled" || key == "" {
		t.Error("S3 passes over what is encrypted with the stack's key")
	}
	if replication.Text("rules", "deleteMarkerReplication", "status") != "Disabled" {
		t.Error("who deletes here deletes there")
	}
	if replication.Text("rules", "destination", "metrics", "status") != "Enabled" {
		t.Error("S3 does not count what it can't copy")
	}
	counted := find(t, g, "cloudwatch.MetricAlarm", "archive-copies").At("dimensions").ObjectValue()
	for name, want := range map[string]string{"SourceBucket": "event-processing-service-archive-123456789012",
		"DestinationBucket": "event-processing-service-archive-us-west-2-123456789012",
		"RuleId":            replication.Text("rules", "id")} {
		if got := counted[resource.PropertyKey(name)].StringValue(); got != want {
			t.Errorf("%s of the alarm is %q, want %q", name, got, want)
		}
	}
	role := find(t, g, "iam.RolePolicy", "archive-replication").Text("policy")
	for _, right := range []string{"s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:ReplicateObject", "kms:Encrypt",
		"s3.us-west-2.amazonaws.com", "s3.us-east-1.amazonaws.com"} {
		if !strings.Contains(role, `"`+right+`"`) {
			t.Errorf("the replication has no %s", right)
		}
	}
	d, uncovered := deployerPolicy(g, rightsOf(g))
	if len(uncovered) > 0 || !slices.ContainsFunc(d.Statement, func(s statement) bool {
		return s.Sid == "RoleToReplication"
	}) {
		t.Errorf("its deployer may not hand S3 the role, or lacks %q", uncovered)
	}
}

func TestACopyWithoutCustomerKeysNamesNone(t *testing.T) {
	g := withChange(t, "dev", anObject("archive", `{"enabled":true,"replicateTo":"us-west-2"}`))
	if g.Has("kms.Key", "archive-us-west-2") || strings.Contains(find(t, g, "iam.RolePolicy",
		"archive-replication").Text("policy"), "kms:") {
		t.Error("there is a key that nothing is encrypted with")
	}
	replication := find(t, g, "s3.BucketReplicationConfig", "archive")
	if !replication.At("rules").ArrayValue()[0].ObjectValue()["sourceSelectionCriteria"].IsNull() {
		t.Errorf("the replication is %v", replication.Plain())
	}
}

func TestARegionThatStandsByReadsTheCopiesThatItsFileNames(t *testing.T) {
	const bucket, key = "event-processing-service-archive-us-west-2-123456789012",
		"arn:aws:kms:us-west-2:123456789012:key/11111111-2222-3333-4444-555555555555"
	g := withChange(t, "recovery", in("archive", "readFrom", map[string]any{"bucket": bucket, "key": key}))
	if url := containerVariables(t, g, "operator")["ARCHIVE_URL"]; url != "s3://"+bucket {
		t.Errorf("the operator reads %q", url)
	}
	// The bucket's name is the one that prod's program makes.
	prods := find(t, withChange(t, "prod", in("archive", "replicateTo", "us-west-2")), "s3.BucketV2", "archive-us-west-2")
	if prods.Text("bucket") != bucket {
		t.Errorf("prod's copies are in %q", prods.Text("bucket"))
	}
	may := find(t, g, "iam.RolePolicy", "operator").Text("policy")
	for _, right := range []string{`"arn:aws:s3:::` + bucket + `/archive/*"`, `"` + key + `"`,
		`"s3.us-west-2.amazonaws.com"`} {
		if !strings.Contains(may, right) {
			t.Errorf("the operator has no right on %s", right)
		}
	}
	if way := find(t, g, "ec2.VpcEndpoint", "s3").Text("policy"); !strings.Contains(way, `"arn:aws:s3:::`+bucket+`/*"`) {
		t.Errorf("the way to S3 lets %s through: %s", "no copies", way)
	}
	// What it archives by itself, once it runs, is in its own bucket.
	if url := containerVariables(t, g, "archive")["ARCHIVE_URL"]; url == "s3://"+bucket {
		t.Error("the archiver writes among the copies")
	}
}

func TestAMistakeInTheCopiesOfTheArchiveIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		stack  string
		change func(*review.StackConfig)
		want   string
	}{
		{"prod", in("archive", "replicateTo", "us-east-1"),
			"archive.replicateTo: is the stack's own region, us-east-1, which a copy has to outlive"},
		{"dev", anObject("archive", `{"replicateTo":"us-west-2"}`),
			"archive.replicateTo: is set, and archive.enabled is not"},
		{"recovery", in("archive", "readFrom", map[string]any{"bucket": "s3://copies"}),
			`archive.readFrom.bucket: must be a bucket's name, is "s3://copies"`},
		{"recovery", in("archive", "readFrom", map[string]any{"bucket": "copies",
			"key": "arn:aws:kms:us-east-1:123456789012:key/1"}),
			"archive.readFrom.key: must be the ARN of a key in us-west-2, where the bucket is, is " +
				`"arn:aws:kms:us-east-1:123456789012:key/1"`},
	} {
		isRefused(t, tc.stack, tc.change, tc.want)
	}
}
