package main

import (
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestReleasesAreCopiedToTheRegionThatAStackThereDeploysThemFrom(t *testing.T) {
	c, err := review.ReadStack(root, "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	in("artifacts", "replicateTo", "us-west-2")(&c)
	g, err := review.RecordConfig(root, "artifacts", c, offlineProgram(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range g.Findings() {
		t.Error(finding)
	}
	for _, n := range []*review.Registration{find(t, g, "ecr.Repository", "images-us-west-2"),
		find(t, g, "s3.BucketV2", "us-west-2"), find(t, g, "s3.BucketVersioningV2", "us-west-2"),
		find(t, g, "ecr.LifecyclePolicy", "images-us-west-2")} {
		if !strings.Contains(n.Provider, "::aws-us-west-2::") {
			t.Errorf("%s is on %s", n, n.Provider)
		}
	}
	replication := find(t, g, "s3.BucketReplicationConfig", "releases")
	for _, bucket := range []string{"releases", "us-west-2"} {
		if !slices.Contains(replication.DependsOn, find(t, g, "s3.BucketVersioningV2", bucket).URN) {
			t.Errorf("the replication does not wait for versions of %s", bucket)
		}
	}

	// A stack there finds both by what its file says.
	image := strings.Replace(anImage, "us-east-1", "us-west-2", 1)
	artifact := withArtifact(func(a map[string]any) { a["image"], a["copied"] = image, true })
	recovery, err := review.RecordConfig(root, "recovery", changed(t, "recovery", artifact),
		&program{Tested: func(a artifactConfig) error { return nil }}, &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	bucket := find(t, recovery, "lambda.Function", "processor").Text("s3Bucket")
	if made := find(t, g, "s3.BucketV2", "us-west-2").Text("bucket"); bucket != made || bucket == "" {
		t.Errorf("the function comes from %q, and the copy lies in %q", bucket, made)
	}
	if own := containersOf(find(t, recovery, "ecs.TaskDefinition", "api"))[0].Image; own != image {
		t.Errorf("the tasks run %s", own)
	}
}

func TestReleasesAreNotCopiedIntoTheirOwnRegion(t *testing.T) {
	c, err := review.ReadStack(root, "artifacts")
	if err != nil {
		t.Fatal(err)
	}
	in("artifacts", "replicateTo", "us-east-1")(&c)
	_, err = review.RecordConfig(root, "artifacts", c, offlineProgram(), &review.Recorder{})
	if err == nil || !strings.Contains(err.Error(), "artifacts.replicateTo: is the stack's own region, us-east-1") {
		t.Errorf("error is %v", err)
	}
}
