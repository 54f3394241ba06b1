// Package docs_test keeps the documents true to the tree: links lead somewhere, named files exist, each decision is in
// the index, and the Go that is shown is Go that compiles.
package docs_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of the decisions")

const root = ".."

// files returns the paths below the root, with slashes, of files whose name ends in suffix.
func files(t *testing.T, suffix string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && (base == ".git" || base == "dist" || base == "bin" || base == "node_modules" || base == "testdata") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(base, suffix) {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no files end in %s: %v", suffix, err)
	}
	return found
}

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)[^\n]*\n(.*?)^```$")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
)

// anchors returns the names by which a page's headings can be linked to, as GitHub makes them.
func anchors(page string) map[string]bool {
	names := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h[1])
		for unique, n := name, 1; ; n++ { // the second of two equal headings has -1 behind its name
			if !names[unique] {
				names[unique] = true
				break
			}
			unique = fmt.Sprintf("%s-%d", name, n)
		}
	}
	return names
}

func TestEveryLinkOfTheDocumentsLeadsSomewhere(t *testing.T) {
	for _, page := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
				continue
			}
			if anchor != "" && !anchors(text(t, to))[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", page, m[1], to)
			}
		}
	}
}

func TestTheIndexOfDecisionsListsEachPageByItsTitle(t *testing.T) {
	rows := "| number | decision |\n|---|---|\n"
	for _, page := range files(t, ".md") {
		name := path.Base(page)
		if path.Dir(page) != "docs/decisions" || name == "README.md" {
			continue
		}
		title, _, _ := strings.Cut(text(t, page), "\n")
		m := regexp.MustCompile(`^# ([1-9][0-9]*)\. (.+)$`).FindStringSubmatch(title)
		if m == nil || !strings.HasPrefix(name, strings.Repeat("0", max(0, 4-len(m[1])))+m[1]+"-") {
			t.Errorf("%s does not begin with # NUMBER. TITLE, with the number of its name: %s", page, title)
			continue
		}
		rows += fmt.Sprintf("| %s | [%s](%s) |\n", m[1], m[2], name)
	}
	const index = "docs/decisions/README.md"
	was := text(t, index)
	table := regexp.MustCompile(`(?m)^\| number \|.*\n(\|.*\n)*`)
	if *update {
		is := table.ReplaceAllLiteralString(was, rows)
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(index)), []byte(is), 0o644); err != nil {
			t.Fatal(err)
		}
		was = is
	}
	if diff := cmp.Diff(rows, table.FindString(was)); diff != "" {
		t.Errorf("%s is out of date: go test ./docs -update (-want +got):\n%s", index, diff)
	}
}
