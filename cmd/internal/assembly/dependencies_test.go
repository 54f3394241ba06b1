package assembly_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Dependencies that the function does not need make its cold start longer and its package larger.
func TestTheFunctionHasNoHTTPFrameworkNoPrometheusAndNoRedis(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc",
		"event-processing-service/cmd/processor").CombinedOutput()
	if err != nil {
		t.Fatalf("list the function's dependencies: %v\n%s", err, out)
	}
	deps := string(out)
	if !strings.Contains(deps, "event-processing-service/processor\n") {
		t.Fatalf("the list lacks the processor:\n%s", deps)
	}
	for _, forbidden := range []string{
		"github.com/gofiber/", "github.com/valyala/fasthttp", "github.com/prometheus/", "github.com/redis/",
		"github.com/danielgtaylor/huma", "github.com/spf13/cobra", "github.com/twmb/franz-go/pkg/kfake",
		"event-processing-service/api", "event-processing-service/internal/limit",
		"event-processing-service/internal/trigger",
		// Newer clients of Systems Manager make the schemas of all of its types at the start, which takes a third of it.
		"github.com/aws/aws-sdk-go-v2/service/ssm/schemas",
	} {
		for dep := range strings.Lines(deps) {
			if strings.HasPrefix(dep, forbidden) {
				t.Errorf("the function is made of %s", strings.TrimSpace(dep))
			}
		}
	}
}
