package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const securityPage = "docs/security.md"

// That the tests exist is held by the test of all pages.
func TestEachThreatSaysHowItIsMetAndWhatShowsIt(t *testing.T) {
	_, table, _ := strings.Cut(text(t, securityPage), "|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		if len(cells) != 4 || strings.TrimSpace(cells[2]) == "" || !strings.Contains(cells[3], "`Test") {
			t.Errorf("nothing shows it: %s", row)
		}
	}
}

// The judges hold the list to what the scanner finds; this holds the page to the list.
func TestTheFindingsOnTheSecurityPageAreTheListThatTheJudgesHold(t *testing.T) {
	var list []struct {
		Check, What, On, Answer, Reason string
		Stacks                          []string
	}
	if err := json.Unmarshal([]byte(text(t, ".ci/judging/findings.json")), &list); err != nil {
		t.Fatal(err)
	}
	rows := "| check | finds | in | answer | why |\n|---|---|---|---|---|\n"
	for _, f := range list {
		rows += fmt.Sprintf("| %s | %s | %s | %s | %s |\n", f.Check, f.What, strings.Join(f.Stacks, ", "), f.Answer, f.Reason)
	}
	const mark = "<!-- findings: go test ./docs -update -->\n"
	was := text(t, securityPage)
	before, table, found := strings.Cut(was, mark)
	if !found {
		t.Fatalf("%s has no mark for the findings", securityPage)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, securityPage), []byte(before+mark+"\n"+rows), 0o644); err != nil {
			t.Fatal(err)
		}
		table = "\n" + rows
	}
	if diff := cmp.Diff("\n"+rows, table); diff != "" {
		t.Errorf("%s is out of date: go test ./docs -update (-want +got):\n%s", securityPage, diff)
	}
}
