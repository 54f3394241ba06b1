package rotation_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// vault answers as Secrets Manager does: a version has a text once one was put, and a stage is on one version.
type vault struct {
	mu      sync.Mutex
	secrets map[string]*stored
	next    int
	refuse  string // an operation that fails
}

type stored struct {
	texts  map[string]string // by version
	stages map[string]string // versions by stage
}

func newVault(t *testing.T, texts map[string]string) (*vault, aws.Config) {
	t.Helper()
	v := &vault{secrets: map[string]*stored{}}
	for id, text := range texts {
		v.secrets[id] = &stored{map[string]string{"v0": text}, map[string]string{"AWSCURRENT": "v0"}}
	}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	return v, aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// current is the text that readers of a secret get.
func (v *vault) current(id string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[id]
	return s.texts[s.stages["AWSCURRENT"]]
}

// begin is what Secrets Manager does before it calls the function: the version is there, pending, and has no text.
func (v *vault) begin(id, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[id].stages["AWSPENDING"] = token
}

func (v *vault) fail(operation string) { v.mu.Lock(); defer v.mu.Unlock(); v.refuse = operation }

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var in struct {
		SecretId, SecretString, ClientRequestToken, VersionId, VersionStage, MoveToVersionId, RemoveFromVersionId string
		VersionStages                                                                                             []string
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	refuse := func(kind string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"Message":"no"}`, kind)
	}
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "secretsmanager.")
	s := v.secrets[in.SecretId]
	switch {
	case s == nil:
		refuse("ResourceNotFoundException")
	case operation == v.refuse:
		refuse("InvalidRequestException")
	case operation == "DescribeSecret":
		versions := map[string][]string{}
		for stage, version := range s.stages {
			versions[version] = append(versions[version], stage)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"VersionIdsToStages": versions})
	case operation == "GetSecretValue":
		version := in.VersionId
		if version == "" {
			version = s.stages["AWSCURRENT"]
		}
		text, is := s.texts[version]
		if !is {
			refuse("ResourceNotFoundException")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": text, "VersionId": version})
	case operation == "PutSecretValue":
		version := in.ClientRequestToken
		if !slices.Equal(in.VersionStages, []string{"AWSPENDING"}) { // the keys of the API
			v.next++
			version = fmt.Sprintf("v%d", v.next)
		}
		if old, is := s.texts[version]; is && old != in.SecretString {
			refuse("ResourceExistsException")
			return
		}
		s.texts[version] = in.SecretString
		for _, stage := range in.VersionStages {
			s.stages[stage] = version
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"VersionId": version})
	case operation == "UpdateSecretVersionStage":
		if s.stages[in.VersionStage] != in.RemoveFromVersionId {
			refuse("InvalidParameterException")
			return
		}
		s.stages["AWSPREVIOUS"], s.stages[in.VersionStage] = s.stages[in.VersionStage], in.MoveToVersionId
		fmt.Fprint(w, `{}`)
	default:
		w.WriteHeader(http.StatusInternalServerError)
	}
}
