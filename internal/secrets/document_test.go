package secrets_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"event-processing-service/internal/secrets"
)

// versions answers as Secrets Manager does for one secret: a stage moves only from the version that has it.
func versions(t *testing.T, first string) (cfg aws.Config, currentText func() string) {
	t.Helper()
	texts, current := []string{first}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			SecretString, VersionStage, MoveToVersionId, RemoveFromVersionId string
			VersionStages                                                    []string
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "secretsmanager.GetSecretValue":
			fmt.Fprintf(w, `{"SecretString":%q,"VersionId":"v%d"}`, texts[current], current)
		case target == "secretsmanager.PutSecretValue" && len(in.VersionStages) == 1 && in.VersionStages[0] != "AWSCURRENT":
			texts = append(texts, in.SecretString)
			fmt.Fprintf(w, `{"VersionId":"v%d"}`, len(texts)-1)
		case target == "secretsmanager.UpdateSecretVersionStage" && in.VersionStage == "AWSCURRENT":
			if in.RemoveFromVersionId != fmt.Sprintf("v%d", current) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"__type":"InvalidParameterException","Message":"the stage is on another version"}`)
				return
			}
			_, _ = fmt.Sscanf(in.MoveToVersionId, "v%d", &current)
			fmt.Fprint(w, `{}`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	return aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}, func() string { return texts[current] }
}

func TestADocumentIsReplacedUnlessSomebodyElseWasFirst(t *testing.T) {
	cfg, currentText := versions(t, "first")
	mine, other := secrets.NewDocument(cfg, "shop/keys"), secrets.NewDocument(cfg, "shop/keys")
	text, version, err := mine.Read(t.Context())
	if text != "first" || err != nil {
		t.Fatalf("read %q, %v", text, err)
	}
	if err := other.Replace(t.Context(), "other's", version); err != nil || currentText() != "other's" {
		t.Fatalf("after a replacement it is %q, %v", currentText(), err)
	}
	if err := mine.Replace(t.Context(), "mine", version); !errors.Is(err, secrets.ErrChanged) ||
		currentText() != "other's" {
		t.Errorf("the second of two ends with %v, and the document is %q", err, currentText())
	}
}
