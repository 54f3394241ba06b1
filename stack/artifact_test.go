package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

const (
	anImage = "123456789012.dkr.ecr.us-east-1.amazonaws.com/event-processing-service-artifacts@sha256:" +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	aHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	aCode = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // the same in Base64
)

// withArtifact puts an artifact into a stack's configuration, with one thing changed.
func withArtifact(change func(map[string]any)) func(*review.StackConfig) {
	return func(c *review.StackConfig) {
		artifact := map[string]any{"version": "v1.2.3", "image": anImage,
			"function": map[string]any{"key": "functions/" + aHash + ".zip", "sha256": aHash}}
		if change != nil {
			change(artifact)
		}
		text, err := json.Marshal(artifact)
		if err != nil {
			panic(err)
		}
		c.Values[ns+"artifact"] = string(text)
	}
}

// deployedArtifact is a stack with an artifact, run by a program that can neither build nor tag.
func deployedArtifact(t *testing.T, stack string) review.Graph {
	t.Helper()
	p := &program{Tested: func(artifactConfig) error { return nil }}
	g, err := review.RecordConfig(root, stack, changed(t, stack, withArtifact(nil)), p, &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAStackWithAnArtifactBuildsNothingAndRunsExactlyIt(t *testing.T) {
	for _, stack := range delivered {
		g := deployedArtifact(t, stack)
		for _, finding := range g.Findings() {
			t.Errorf("%s: %s", stack, finding)
		}
		for _, n := range g.Nodes {
			if strings.Contains(n.Type, "docker") || review.Short(n.Type) == "ecr.Repository" {
				t.Errorf("%s: there is %s", stack, n)
			}
		}
		for _, task := range []string{"api", "operator"} {
			if image := containersOf(find(t, g, "ecs.TaskDefinition", task))[0].Image; image != anImage {
				t.Errorf("%s: %s runs %s", stack, task, image)
			}
		}
		function := find(t, g, "lambda.Function", "processor")
		for key, want := range map[string]string{"s3Bucket": "event-processing-service-artifacts-releases-123456789012",
			"s3Key": "functions/" + aHash + ".zip", "sourceCodeHash": aCode} {
			if got := function.Text(key); got != want {
				t.Errorf("%s: %s is %q, want %q", stack, key, got, want)
			}
		}
		pull := find(t, g, "iam.RolePolicy", "execution").Text("policy")
		if !strings.Contains(pull, "arn:aws:ecr:us-east-1:123456789012:repository/event-processing-service-artifacts") {
			t.Errorf("%s: its tasks may not pull the image: %s", stack, pull)
		}
	}
}

func TestAMistakeInAnArtifactIsReportedByItsKey(t *testing.T) {
	set := func(key string, value any) func(map[string]any) { return func(a map[string]any) { a[key] = value } }
	function := func(key, value string) func(map[string]any) {
		return func(a map[string]any) { a["function"].(map[string]any)[key] = value }
	}
	for want, change := range map[string]func(map[string]any){
		"artifact.version: must start with v or src-": set("version", "1.2.3"),
		"artifact.image: must be ACCOUNT.dkr.ecr": set("image",
			strings.Split(anImage, "@")[0]+":v1.2.3"),
		"artifact.image: is in eu-west-1, and": set("image",
			strings.Replace(anImage, "us-east-1", "eu-west-1", 1)),
		"artifact.function: is not set":                                   func(a map[string]any) { delete(a, "function") },
		"artifact.function.sha256: must be 64":                            function("sha256", "abc"),
		"artifact.function.key: must be functions/" + aHash + ".zip":      function("key", "functions/latest.zip"),
		"artifact.untested: must be the digest of artifact.image":         set("untested", "sha256:other"),
		"artifact.digest: no such key; there are version, image, functio": set("digest", "x"),
		"artifact.copied: must be true or false":                          set("copied", "yes"),
	} {
		c := changed(t, "dev", withArtifact(change))
		_, err := review.RecordConfig(root, "dev", c, offlineProgram(), &review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error is %v", want, err)
		}
	}
}

func TestProdTakesOnlyWhatStagingHasRunUnlessTheImageIsNamed(t *testing.T) {
	refusal := errors.New("staging has not run v1.2.3")
	asked := 0
	p := &program{Tested: func(a artifactConfig) error {
		if asked++; a.Version != "v1.2.3" || a.Image != anImage {
			t.Errorf("asked for %v", a)
		}
		return refusal
	}}
	rec := &review.Recorder{}
	_, err := review.RecordConfig(root, "prod", changed(t, "prod", withArtifact(nil)), p, rec)
	if err == nil || !strings.Contains(err.Error(), refusal.Error()) ||
		!strings.Contains(err.Error(), "artifact.untested") {
		t.Errorf("error is %v", err)
	}
	if len(rec.Nodes()) > 0 {
		t.Errorf("%d resources were registered before the refusal", len(rec.Nodes()))
	}
	named := withArtifact(func(a map[string]any) { a["untested"] = strings.Split(anImage, "@")[1] })
	if _, err := review.RecordConfig(root, "prod", changed(t, "prod", named), p, &review.Recorder{}); err != nil {
		t.Errorf("the image is named, and the error is %v", err)
	}
	if _, err := review.RecordConfig(root, "staging", changed(t, "staging", withArtifact(nil)), p,
		&review.Recorder{}); err != nil || asked != 1 {
		t.Errorf("after %d questions: %v", asked, err)
	}
}

func TestTheArtifactsStackRegistersWhatItsGoldenShowsAndBreaksNoRule(t *testing.T) {
	g := recorded(t, "artifacts", false)
	for _, finding := range g.Findings() {
		t.Error(finding)
	}
	// The deployers' rights are those of `policy`, and would only be repeated here.
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n review.Registration) bool { return review.Short(n.Type) == "iam.Policy" })
	var tree bytes.Buffer
	review.WriteTree(&tree, g, true)
	golden(t, "artifacts.tree", tree.Bytes())
}

func TestADeployersRoleHasTheRightsThatItsStackTakesAndNoOthers(t *testing.T) {
	g := recorded(t, "artifacts", false)
	for _, stack := range delivered {
		own := recorded(t, stack, false)
		want, _ := deployerPolicy(own, rightsOf(own))
		parts := want.split()
		if len(parts) > 9 { // of ten that a role may have
			t.Errorf("%s: %d policies", stack, len(parts))
		}
		for i, part := range parts {
			name := "deploy-" + stack + "-" + string(rune('0'+i))
			if got := find(t, g, "iam.Policy", name).Text("policy"); got != part.JSON() {
				t.Errorf("%s is not what %s takes", name, stack)
			}
			if role := find(t, g, "iam.RolePolicyAttachment", name).Text("role"); !strings.HasSuffix(role, "-"+stack) {
				t.Errorf("%s is attached to %s", name, role)
			}
		}
		for _, other := range delivered {
			rights := find(t, g, "iam.RolePolicy", stack).Text("policy")
			if writes := strings.Contains(rights, "/served/"+other+"/*"); writes != (stack == other) {
				t.Errorf("%s may note what served in %s: %v", stack, other, writes)
			}
			load := strings.Contains(rights, "/measured/"+other+"/*") && strings.Contains(rights, `"ecs:RunTask"`)
			if want := other == "staging" && stack == other; load != want {
				t.Errorf("%s may measure %s: %v", stack, other, load)
			}
			if state := strings.Contains(rights, ".pulumi/stacks/event-processing-service/"+other+".*"); state !=
				(stack == other) {
				t.Errorf("%s may change the state of %s: %v", stack, other, state)
			}
		}
	}
}

func TestAMistakeInTheArtifactsStackIsReportedByItsKey(t *testing.T) {
	for want, change := range map[string]func(*review.StackConfig){
		"artifacts.repository: must be OWNER/NAME":            in("artifacts", "repository", "https://github.com/a/b"),
		"artifacts.stateBucket: must be a bucket's name":      in("artifacts", "stateBucket", "s3://b"),
		"artifacts.keepImages: must be 10 or more":            in("artifacts", "keepImages", 1),
		"artifacts.stacks: is empty":                          in("artifacts", "stacks", []string{}),
		"artifacts.stacks: must be names of stacks":           in("artifacts", "stacks", []string{"release"}),
		"artifacts.stacks: lists dev twice":                   in("artifacts", "stacks", []string{"dev", "dev"}),
		"artifacts.loadTested: must be names among":           in("artifacts", "loadTested", []string{"test"}),
		"artifacts.stack: no such key":                        in("artifacts", "stack", "dev"),
		"network: is not for the stack of the artifacts":      at(ns+"network", `{"cidr":"10.0.0.0/16"}`),
		"apiKeys: is not for the stack of the artifacts":      at(ns+"apiKeys", `{"a":"b"}`),
		"name: must be lower-case letters, digits and single": at(ns+"name", "Artifacts"),
		"aws:region: is not set":                              at("aws:region", ""),
	} {
		_, err := review.RecordConfig(root, "artifacts", changed(t, "artifacts", change), offlineProgram(),
			&review.Recorder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error is %v", want, err)
		}
	}
}

func TestARuleOfDeliveryFindsItsCauseWhenItIsPutIn(t *testing.T) {
	for _, mutation := range []struct {
		found string
		graph func(*testing.T, string) review.Graph
		stack string
		put   func(t *testing.T, g *review.Graph)
	}{
		{"docker.Image api is made beside the artifact", deployedArtifact, "prod", func(t *testing.T, g *review.Graph) {
			built := *find(t, *g, "lambda.Function", "processor")
			built.Type, built.Name, built.Inputs = "docker:index/image:Image", "api", nil
			g.Nodes = append(g.Nodes, built)
		}},
		{"lambda.Function processor has code beside", deployedArtifact, "prod", func(t *testing.T, g *review.Graph) {
			unset(find(t, *g, "lambda.Function", "processor"), "sourceCodeHash")
		}},
		{"ecs.TaskDefinition operator runs an image that no", deployedArtifact, "prod", func(t *testing.T, g *review.Graph) {
			n := find(t, *g, "ecs.TaskDefinition", "operator")
			all := containersOf(n)
			all[0].Image = "registry.example/api:v1"
			set(n, "containerDefinitions", containersJSON(all))
		}},
		{"iam.Role prod can be taken by more than one", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			n := find(t, *g, "iam.Role", "prod")
			set(n, "assumeRolePolicy", strings.Replace(n.Text("assumeRolePolicy"), "environment:prod", "*", 1))
		}},
		{"iam.Role prod can be taken by more than one", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			n := find(t, *g, "iam.Role", "prod")
			set(n, "assumeRolePolicy", strings.Replace(n.Text("assumeRolePolicy"), "StringEquals", "StringLike", 1))
		}},
		{"iam.Role prod can be taken by more than one", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			n := find(t, *g, "iam.Role", "prod")
			set(n, "assumeRolePolicy", strings.Replace(n.Text("assumeRolePolicy"), ":aud", ":other", 1))
		}},
		{"ecr.Repository images lets a tag be moved", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			set(find(t, *g, "ecr.Repository", "images"), "imageTagMutability", "MUTABLE")
		}},
		{"s3.BucketV2 releases keeps nothing that is", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			find(t, *g, "s3.BucketVersioningV2", "releases").Name = "other"
		}},
		{"ecr.LifecyclePolicy images counts signatures", artifactsStack, "", func(t *testing.T, g *review.Graph) {
			n := find(t, *g, "ecr.LifecyclePolicy", "images")
			set(n, "policy", strings.Replace(n.Text("policy"), `"tagged"`, `"any"`, 1))
		}},
	} {
		g := mutation.graph(t, mutation.stack)
		mutation.put(t, &g)
		if found := g.Findings(); !slices.ContainsFunc(found, func(finding string) bool {
			return strings.Contains(finding, mutation.found)
		}) {
			t.Errorf("no finding says %q; there are %q", mutation.found, found)
		}
	}
}

func artifactsStack(t *testing.T, _ string) review.Graph { return recorded(t, "artifacts", false) }
