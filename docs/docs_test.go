// Package docs_test keeps the documents true to the tree: links lead somewhere, named files exist, each decision is in
// the index, and the Go that is shown is Go that compiles.
package docs_test

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
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

func TestTheREADMEListsTheRoomsThatExist(t *testing.T) {
	_, section, _ := strings.Cut(text(t, "README.md"), "## Where is what\n")
	tree := fence.FindStringSubmatch(section)
	if tree == nil {
		t.Fatal("the section has no tree")
	}
	listed, above := map[string]bool{}, ""
	for line := range strings.Lines(tree[2]) {
		room, _, _ := strings.Cut(strings.TrimSpace(line), "/")
		if strings.HasPrefix(line, " ") {
			room = above + "/" + room
		} else {
			above = room
		}
		listed[room] = true
	}
	exist := map[string]bool{}
	for _, file := range files(t, "") {
		for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
			exist[dir] = true
		}
	}
	for room := range listed {
		if !exist[room] {
			t.Errorf("README.md lists %s/, which does not exist", room)
		}
	}
	for room := range exist {
		own := slices.Contains([]string{".", "cmd", "internal"}, path.Dir(room)) // others are told of by the one they are in
		if own && !strings.HasPrefix(room, ".") && !listed[room] {
			t.Errorf("README.md does not list %s/", room)
		}
	}
}

func TestTheArchitectureNamesEachRoomOfGo(t *testing.T) {
	page := text(t, "docs/architecture.md")
	for _, file := range files(t, ".go") {
		room := path.Dir(file)
		for path.Dir(room) != "." && path.Dir(room) != "internal" {
			room = path.Dir(room)
		}
		if room != "docs" && !strings.Contains(page, "`"+room+"/`") {
			t.Errorf("docs/architecture.md does not name `%s/`", room)
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range files(t, ".go") {
		dir := path.Dir(file)
		if documented[dir] {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil,
			parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		documented[dir] = f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("no file of %s has a comment on its package", dir)
		}
	}
}

// named matches what stands in backticks and is meant as a path of the tree: it has a slash and no blank.
var named = regexp.MustCompile("`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]*)+)`")

func TestFilesThatTheGuidesNameExist(t *testing.T) {
	for _, page := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		matches := named.FindAllStringSubmatch(text(t, page), -1)
		if len(matches) < 10 {
			t.Errorf("%s names only %d files", page, len(matches))
		}
		for _, m := range matches {
			if strings.HasPrefix(m[1], ".") && !strings.HasPrefix(m[1], ".ci") && !strings.HasPrefix(m[1], ".github") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

func TestTestsThatTheDocumentsNameExist(t *testing.T) {
	var sources strings.Builder
	for _, file := range files(t, "_test.go") {
		sources.WriteString(text(t, file))
	}
	found := 0
	for _, page := range files(t, ".md") {
		for _, m := range regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]+)`").FindAllStringSubmatch(text(t, page), -1) {
			found++
			if !strings.Contains(sources.String(), "func "+m[1]+"(") {
				t.Errorf("%s names the test %s, which does not exist", page, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d names of tests", found)
	}
}

// A pattern that is not anchored at the root matches folders above a clone, too; one that names no folder holds
// nothing.
func TestImportRulesAreAnchoredAtTheRootAndNameFoldersThatExist(t *testing.T) {
	const anchor = "${config-path}/"
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^ +files: \[(.*)\]`).FindAllStringSubmatch(text(t, ".golangci.yaml"), -1) {
		for pattern := range strings.SplitSeq(m[1], ", ") {
			pattern = strings.TrimPrefix(strings.Trim(pattern, `"`), "!")
			if pattern == "$test" {
				continue
			}
			found++
			room, anchored := strings.CutPrefix(pattern, anchor)
			room, whole := strings.CutSuffix(room, "/**")
			if !anchored || !whole {
				t.Errorf(".golangci.yaml has the pattern %s; write %sROOM/**", pattern, anchor)
			} else if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(room))); err != nil {
				t.Errorf(".golangci.yaml has a rule for %s/, which does not exist", room)
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d patterns", found)
	}
}

// What is shown as Go stands in a Go file, line for line, so that the compiler has read it.
func TestGoThatTheDocumentsShowStandsInAFileThatCompiles(t *testing.T) {
	var sources []string
	for _, file := range files(t, ".go") {
		sources = append(sources, flat(text(t, file)))
	}
	shown := 0
	for _, page := range files(t, ".md") {
		for _, m := range fence.FindAllStringSubmatch(text(t, page), -1) {
			if m[1] != "go" {
				continue
			}
			shown++
			snippet := flat(m[2])
			if !slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(s, snippet) }) {
				t.Errorf("%s shows Go that stands in no file:\n%s", page, m[2])
			}
		}
	}
	if shown == 0 {
		t.Error("no document shows Go")
	}
}

// flat takes the indentation off each line, and the comments that stand on their own lines stay.
func flat(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
