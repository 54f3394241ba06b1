package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// builtBesideArtifact finds builds in a stack with an artifact, and code and images that the artifact does not name.
func builtBesideArtifact(g Graph) (broken []string) {
	deployed := false
	for _, n := range g.Of("lambda.Function") {
		deployed = deployed || n.Text("s3Key") != ""
		if n.Text("s3Key") != "" && (!n.At("code").IsNull() || n.Text("sourceCodeHash") == "") {
			broken = append(broken, fmt.Sprintf("%s has code beside the artifact's, or of no known hash", n))
		}
	}
	if !deployed {
		return broken
	}
	for _, short := range []string{"docker.Image", "ecr.Repository"} {
		for _, n := range g.Of(short) {
			broken = append(broken, fmt.Sprintf("%s is made beside the artifact", n))
		}
	}
	for _, n := range g.Of("ecs.TaskDefinition") {
		var containers []struct{ Name, Image string }
		if err := json.Unmarshal([]byte(n.Text("containerDefinitions")), &containers); err != nil || len(containers) == 0 ||
			!strings.Contains(containers[0].Image, "@sha256:") {
			broken = append(broken, fmt.Sprintf("%s runs an image that no digest names", n))
		}
	}
	return broken
}

// looselyTrusted finds roles that do not compare both claims of GitHub's tokens as a whole.
func looselyTrusted(g Graph) (broken []string) {
	for _, n := range g.Of("iam.Role") {
		var d struct {
			Statement []struct {
				Action    []string
				Condition map[string]map[string]any
			}
		}
		if json.Unmarshal([]byte(n.Text("assumeRolePolicy")), &d) != nil {
			continue
		}
		for _, s := range d.Statement {
			if !slices.Contains(s.Action, "sts:AssumeRoleWithWebIdentity") {
				continue
			}
			audience, _ := s.Condition["StringEquals"]["token.actions.githubusercontent.com:aud"].(string)
			subject, _ := s.Condition["StringEquals"]["token.actions.githubusercontent.com:sub"].(string)
			if audience != "sts.amazonaws.com" || strings.ContainsAny(subject, "*?") ||
				!strings.Contains(subject, ":environment:") || len(s.Condition) != 1 {
				broken = append(broken, fmt.Sprintf("%s can be taken by more than one environment's jobs", n))
			}
		}
	}
	return broken
}

// losableReleases finds repositories and buckets of the artifacts' stack that could lose deployed releases.
func losableReleases(g Graph) (broken []string) {
	for _, n := range g.Of("ecr.Repository") {
		if n.Text("imageTagMutability") != "IMMUTABLE" {
			broken = append(broken, fmt.Sprintf("%s lets a tag be moved to another image", n))
		}
	}
	for _, bucket := range g.Of("s3.BucketV2") {
		if bucket.Name == "releases" && !g.Has("s3.BucketVersioningV2", bucket.Name) {
			broken = append(broken, fmt.Sprintf("%s keeps nothing that is overwritten", bucket))
		}
	}
	for _, n := range g.Of("ecr.LifecyclePolicy") {
		if n.Name == "images" && !strings.Contains(n.Text("policy"), `"tagStatus":"tagged"`) {
			broken = append(broken, fmt.Sprintf("%s counts signatures as releases", n))
		}
	}
	return broken
}
