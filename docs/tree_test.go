package docs_test

import (
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

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
