package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func decodeBase64(t *testing.T, text string) []byte {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=test", "-c", "user.email=test@example.com", "-c",
		"commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

var module = map[string]string{
	"go.mod":               "module example\n\ngo 1.24\n",
	"cmd/function/main.go": "package main\n\nfunc main() { println(\"hello\") }\n",
}

// Two machines, two days: the directory, the time and the developer's own settings must not reach the archive.
func TestTheSameSourcesMakeTheSameArchiveAnywhereAtAnyTime(t *testing.T) {
	var archives [2][]byte
	for i := range archives {
		root := tree(t, module)
		if i == 1 {
			t.Setenv("GOFLAGS", "-gcflags=all=-N")
			old := time.Now().Add(-1000 * time.Hour)
			if err := os.Chtimes(filepath.Join(root, "cmd/function/main.go"), old, old); err != nil {
				t.Fatal(err)
			}
			git(t, root, "init", "-q")
			git(t, root, "add", ".")
			git(t, root, "commit", "-qm", "x")
		}
		out := filepath.Join(root, functionZip)
		if err := buildFunction(root, "./cmd/function", out); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		archives[i] = content
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two builds differ")
	}

	archive, err := zip.NewReader(bytes.NewReader(archives[0]), int64(len(archives[0])))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" || archive.File[0].Mode() != 0o755 {
		t.Fatalf("archive holds %v", archive.File)
	}
	file, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	// ELF, 64 bit, machine 183: AArch64.
	if !bytes.HasPrefix(binary, []byte("\x7fELF\x02")) || binary[18] != 183 {
		t.Errorf("bootstrap is not an arm64 Linux program: % x", binary[:20])
	}
}

func TestAnotherSourceMakesAnotherArchive(t *testing.T) {
	build := func(source string) []byte {
		root := tree(t, map[string]string{"go.mod": module["go.mod"], "cmd/function/main.go": source})
		out := filepath.Join(root, "f.zip")
		if err := buildFunction(root, "./cmd/function", out); err != nil {
			t.Fatal(err)
		}
		content, _ := os.ReadFile(out)
		return content
	}
	if bytes.Equal(build(module["cmd/function/main.go"]), build("package main\n\nfunc main() { println(\"bye\") }\n")) {
		t.Error("two programs make one archive")
	}
}

func TestTheCompilerIsTheOneThatTheModuleNamesAndNotTheOneThatIsThere(t *testing.T) {
	if version, err := toolchain(root); err != nil || !strings.HasPrefix(version, "go1.") {
		t.Fatalf("the project names no compiler: %q, %v", version, err)
	}
	t.Setenv("GOPROXY", "off") // the other one can't be had, which is how one sees that it is asked for
	t.Setenv("GOTOOLCHAIN", "local")
	root := tree(t, map[string]string{"go.mod": module["go.mod"] + "\ntoolchain go1.99.9\n",
		"cmd/function/main.go": module["cmd/function/main.go"]})
	if err := buildFunction(root, "./cmd/function", filepath.Join(root, "f.zip")); err == nil ||
		!strings.Contains(err.Error(), "go1.99.9") {
		t.Errorf("the installed compiler built it; error is %v", err)
	}
}

func TestAFunctionThatDoesNotCompileSaysWhy(t *testing.T) {
	root := tree(t, map[string]string{"go.mod": module["go.mod"],
		"cmd/function/main.go": "package main\n\nfunc main() { missing() }\n"})
	err := buildFunction(root, "./cmd/function", filepath.Join(root, "f.zip"))
	if err == nil || !strings.Contains(err.Error(), "build ./cmd/function") || !strings.Contains(err.Error(),
		"undefined: missing") {
		t.Errorf("error is %v", err)
	}
}

// imageSources is a repository with an allow-list of a build context.
func imageSources(t *testing.T) string {
	root := tree(t, map[string]string{
		".dockerignore":  "*\n!api\n!go.mod\n**/*_test.go\n",
		".gitignore":     "/api/out\n",
		"api/Dockerfile": "FROM scratch\n", "api/main.go": "package main\n", "api/main_test.go": "package main\n",
		"go.mod":    "module x\n",
		"README.md": "read\n", "stack/main.go": "package main\n", "docs/a.md": "a\n", "api/out": "built\n",
	})
	git(t, root, "init", "-q")
	git(t, root, "add", ".")
	git(t, root, "commit", "-qm", "x")
	return root
}

func tag(t *testing.T, root string) string {
	t.Helper()
	tag, err := imageTag(root, "")
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestOnlyAChangeInTheBuildContextIsANewImage(t *testing.T) {
	for file, isNew := range map[string]bool{
		"api/main.go": true, "api/Dockerfile": true, "go.mod": true, ".dockerignore": true, "api/new.go": true,
		"README.md": false, "stack/main.go": false, "docs/a.md": false, "api/main_test.go": false, "api/out": false,
		"new.txt": false,
	} {
		root := imageSources(t)
		before := tag(t, root)
		path := filepath.Join(root, file)
		content, _ := os.ReadFile(path)
		if err := os.WriteFile(path, append(content, "# changed\n"...), 0o644); err != nil {
			t.Fatal(err)
		}
		if after := tag(t, root); (after != before) != isNew {
			t.Errorf("a change of %s: tag %s, then %s", file, before, after)
		}
		git(t, root, "add", ".")
		git(t, root, "commit", "-qm", "y", "--allow-empty")
		if committed := tag(t, root); (committed != before) != isNew {
			t.Errorf("a commit of %s: tag %s, then %s", file, before, committed)
		}
	}
}

func TestTheSameSourcesHaveTheSameTagInEveryClone(t *testing.T) {
	if a, b := tag(t, imageSources(t)), tag(t, imageSources(t)); a != b || !strings.HasPrefix(a, "src-") ||
		!tagPattern.MatchString(a) {
		t.Errorf("tags %s and %s", a, b)
	}
}

func TestADeletedFileIsAChangeBeforeItIsCommitted(t *testing.T) {
	root := imageSources(t)
	before := tag(t, root)
	if err := os.Remove(filepath.Join(root, "api/main.go")); err != nil {
		t.Fatal(err)
	}
	if tag(t, root) == before {
		t.Error("the tag is the same")
	}
}

func TestIMAGE_TAGWins(t *testing.T) {
	if got, err := imageTag("/nowhere", "v1.2.3"); err != nil || got != "v1.2.3" {
		t.Errorf("tag %q, error %v", got, err)
	}
	if _, err := imageTag("/nowhere", "v1 2"); err == nil || !strings.Contains(err.Error(), `"v1 2" is not an image tag`) {
		t.Errorf("error is %v", err)
	}
}

func TestWithoutGitOrABuildContextOneMustNameATag(t *testing.T) {
	for _, files := range []map[string]string{{}, {".dockerignore": "*\n"}} {
		if _, err := imageTag(tree(t, files), ""); err == nil || !strings.Contains(err.Error(), "or set IMAGE_TAG") {
			t.Errorf("error is %v", err)
		}
	}
}

// Docker builds from the context alone: a package that .dockerignore leaves out is missing there and nowhere else.
func TestTheBuildContextHoldsEveryFileThatTheImagesProgramsAreMadeOf(t *testing.T) {
	context, err := buildContext("..")
	if err != nil {
		t.Fatal(err)
	}
	// The path of a file below the module's root, which is what the context lists.
	const each = `{{if .Module}}{{if .Module.Main}}{{$in := .ImportPath}}` +
		`{{range .GoFiles}}{{$in}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$in}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}`
	list := exec.Command("go", "list", "-deps", "-f", each, "./cmd/eventctl", "./cmd/processor")
	list.Dir = ".."
	list.Env = append(os.Environ(), "GOOS=linux")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list the programs' files: %v", err)
	}
	files := strings.Fields(string(out))
	if len(files) < 50 {
		t.Fatalf("only %d files are listed", len(files))
	}
	for _, file := range files {
		if file = strings.TrimPrefix(file, "event-processing-service/"); !slices.Contains(context, file) {
			t.Errorf(".dockerignore leaves out %s", file)
		}
	}
}
