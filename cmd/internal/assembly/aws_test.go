package assembly

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/aws/smithy-go/logging"

	"event-processing-service/internal/settings"
	"event-processing-service/internal/telemetry"
)

func TestAWSIsConfiguredOnceAndItsSDKLogsAsWeDo(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var out bytes.Buffer
	a := New(t.Context(), telemetry.NewLogger(&out, nil))
	iam := settings.Kafka{Brokers: []string{"b:1"}, Auth: settings.AuthIAM}
	first, err := a.KafkaConfig(iam, "api")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Table(settings.Store{Kind: "dynamodb", Table: "t"}); err != nil {
		t.Fatal(err)
	}
	second, err := a.KafkaConfig(iam, "processor")
	if err != nil || first.Credentials != second.Credentials {
		t.Errorf("credentials are looked for twice (%v)", err)
	}

	cfg, err := a.aws()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger.Logf(logging.Warn, "attempt %d", 2)
	var line struct{ Time, Level, Msg, Message string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Time == "" || line.Level != "WARN" ||
		line.Message != "attempt 2" {
		t.Errorf("the line is %s (%v)", out.Bytes(), err)
	}
}
