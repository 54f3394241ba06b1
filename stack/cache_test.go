package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"event-processing-service/internal/limit"
	"event-processing-service/stack/review"
)

func TestTheTasksAreToldOfTheirCacheAndMayEnterIt(t *testing.T) {
	g := recorded(t, "prod", false)
	a, err := limit.ReadAddress(containerVariables(t, g, "api")["RATE_LIMIT_URL"])
	if err != nil {
		t.Fatal(err)
	}
	user := find(t, g, "elasticache.User", "limits")
	cache := find(t, g, "elasticache.ServerlessCache", "limits")
	if !a.Cluster || !strings.HasPrefix(a.URL, "rediss://") || a.IAM != cache.Text("name") ||
		a.User != user.Text("userName") {
		t.Errorf("the API enters %+v", a)
	}
	if user.Text("userId") != user.Text("userName") || user.Text("authenticationMode", "type") != "iam" {
		t.Errorf("IAM takes no user whose id is %s and whose name is %s", user.Text("userId"), user.Text("userName"))
	}
	if policy := find(t, g, "iam.RolePolicy", "api").Text("policy"); !strings.Contains(policy, `"elasticache:Connect"`) {
		t.Errorf("the role is %s", policy)
	}
	if _, err := limit.NewRedis(a, nil); err != nil {
		t.Errorf("the API would not start: %v", err)
	}
}

func TestWithoutACacheThereIsNothingOfIt(t *testing.T) {
	g := recordedWith(t, "prod", in("cache", "enabled", false))
	if found := g.Findings(); len(found) > 0 {
		t.Errorf("%q", found)
	}
	for _, n := range g.Nodes {
		if strings.HasPrefix(review.Short(n.Type), "elasticache.") || n.Name == "cache" || n.Name == "limits-alone" ||
			strings.Contains(n.Text("policy"), "elasticache") {
			t.Errorf("%s is left", n)
		}
	}
	if url, is := containerVariables(t, g, "api")["RATE_LIMIT_URL"]; is {
		t.Errorf("the API is told of %q", url)
	}
}

// The tests of .ci/limits enter a real cluster with these rights.
func TestTheUserOfTheCacheMayDoWhatTheTestsOnARealOneDo(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root, ".ci/limits"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), "access='"+limitsAccess+"'") {
		t.Errorf(".ci/limits gives other rights than %q", limitsAccess)
	}
}
