package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const conformance = "../docs/conformance.md"

// testSources are the tests that the page may name.
func testSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"*_test.go", "../internal/event/*_test.go", "../internal/kafka/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests are at %s: %v", pattern, err)
		}
		for _, f := range files {
			all.WriteString(read(t, f))
		}
	}
	return all.String()
}

// tagged is the name of a test that names its section.
var tagged = regexp.MustCompile(`(HTTP|JSON|Kafka|CloudEvents) [0-9.]+ `)

func TestEachDemandOnThePageOfConformanceHasTheTestThatItNames(t *testing.T) {
	sources, rows := testSources(t), 0
	for line := range strings.Lines(read(t, conformance)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if len(cells) != 3 || cells[0] == "section" {
			continue
		}
		rows++
		names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[2], -1)
		if len(names) == 0 {
			t.Errorf("no test is named for %s", line)
		}
		for _, name := range names {
			if tagged.MatchString(name[1]) && !strings.Contains(sources, `"`+name[1]+`"`) || !tagged.MatchString(name[1]) &&
				!strings.Contains(sources, "func "+name[1]+"(") {
				t.Errorf("there is no test %q", name[1])
			}
		}
	}
	if rows < 40 {
		t.Errorf("%d demands were read of the page", rows)
	}
}

// A section that tests name and the page does not would be a demand that somebody looks for in vain.
func TestEachSectionThatATestNamesIsOnThePageOfConformance(t *testing.T) {
	page, err := os.ReadFile(conformance)
	if err != nil {
		t.Fatal(err)
	}
	chapters := map[string]string{}
	for _, chapter := range strings.Split(string(page), "\n## ")[1:] {
		title, rest, _ := strings.Cut(chapter, "\n")
		chapters[strings.Fields(title)[0]] = rest
	}
	chapters["CloudEvents"] = chapters["The"]
	for _, m := range regexp.MustCompile(`"(HTTP|JSON|Kafka|CloudEvents) ([0-9.]+) `).FindAllStringSubmatch(
		testSources(t), -1) {
		if !strings.Contains(chapters[m[1]], "\n| "+m[2]+" |") {
			t.Errorf("the page has no row of %s %s", m[1], m[2])
		}
	}
}
