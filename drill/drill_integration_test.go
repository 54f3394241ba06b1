//go:build integration

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// runDrill runs the program as people do, in its short form, and gives its report.
func runDrill(t *testing.T, drill string) (r report) {
	t.Helper()
	if os.Getenv("KAFKA_BOOTSTRAP_SERVERS") == "" || os.Getenv("DYNAMODB_ENDPOINT") == "" {
		t.Skip("needs a broker in KAFKA_BOOTSTRAP_SERVERS and DynamoDB Local in DYNAMODB_ENDPOINT")
	}
	bin := filepath.Join(t.TempDir(), "drill")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(bin, drill, "--load", "6s", "--json").Output()
	if jsonErr := json.Unmarshal(out, &r); jsonErr != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = append(out, exit.Stderr...)
		}
		t.Fatalf("%v: %v\n%s", err, jsonErr, out)
	}
	t.Logf("accepted %d, kept %d, restored %d, lost %d, again %d, twice %d, missing %d; back within %s", r.Accepted,
		r.Kept, r.Restored, r.Lost, r.Again, r.Twice, r.Missing, r.Back)
	if err != nil || len(r.Faults) > 0 {
		t.Errorf("%v: %q", err, r.Faults)
	}
	return r
}

func TestWhatTheArchiveHasIsRestoredIntoANewKafkaAndANewTableAndTheRestIsNamed(t *testing.T) {
	r := runDrill(t, "replay")
	if r.Restored < 100 || r.Restored+r.Lost != r.Accepted || r.Twice+r.Missing > 0 {
		t.Errorf("of %d accepted events %d are restored and %d lost", r.Accepted, r.Restored, r.Lost)
	}
	named := 0
	for _, tail := range r.Tails {
		named += tail.Events
	}
	if named != r.Lost {
		t.Errorf("%d events are lost, %d are named", r.Lost, named)
	}
}

func TestATableThatIsLostIsRestoredFromAnOlderCopyAndTheArchive(t *testing.T) {
	r := runDrill(t, "restore")
	if r.Kept < 100 || r.Restored < 100 || r.Kept+r.Restored != r.Accepted || r.Lost+r.Twice+r.Missing > 0 {
		t.Errorf("of %d accepted events %d are kept, %d restored, %d lost", r.Accepted, r.Kept, r.Restored, r.Lost)
	}
}

func TestARegionThatIsLostIsTakenOverFromItsReplicas(t *testing.T) {
	r := runDrill(t, "failover")
	if r.Kept < 100 || r.Restored == 0 || r.Kept+r.Restored+r.Lost != r.Accepted || r.Twice+r.Missing > 0 {
		t.Errorf("of %d accepted events %d are kept, %d restored and %d lost", r.Accepted, r.Kept, r.Restored, r.Lost)
	}
	if r.Again > r.Restored {
		t.Errorf("%d took effect again, %d were restored", r.Again, r.Restored)
	}
}
