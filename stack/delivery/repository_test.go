package delivery

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestEachGroupOfUpdatesIsOfDependenciesThatThereAre(t *testing.T) {
	var file struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
			Groups      map[string]struct{ Patterns []string }
		}
	}
	text, err := os.ReadFile(filepath.Join(root, ".github/dependabot.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	watched := map[string]string{"gomod": "go.mod", "docker": "Dockerfile", "docker-compose": "compose.yaml",
		"github-actions": ".github/workflows"}
	for _, update := range file.Updates {
		for _, directory := range append(update.Directories, update.Directory) {
			if directory == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, directory, watched[update.Ecosystem])); err != nil {
				t.Errorf("%s: %v", update.Ecosystem, err)
			}
		}
		if len(update.Groups) == 0 {
			t.Errorf("%s has no groups: it would be a pull request for each dependency", update.Ecosystem)
		}
		for name, group := range update.Groups {
			for _, pattern := range group.Patterns {
				if prefix := strings.TrimSuffix(pattern, "*"); update.Ecosystem == "gomod" &&
					!strings.Contains(string(module), "\t"+prefix) {
					t.Errorf("group %s: go.mod has nothing like %s", name, pattern)
				}
			}
		}
	}
}

func TestTheFormsAreThreeQuestionsAtMost(t *testing.T) {
	forms, err := filepath.Glob(filepath.Join(root, ".github/ISSUE_TEMPLATE/*.yaml"))
	if err != nil || len(forms) == 0 {
		t.Fatalf("forms are %v: %v", forms, err)
	}
	for _, name := range forms {
		var form struct {
			Name, Description string
			Body              []struct {
				Type       string
				Attributes struct{ Label string }
			}
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &form); err != nil {
			t.Fatal(err)
		}
		if form.Name == "" || form.Description == "" || len(form.Body) == 0 || len(form.Body) > 3 {
			t.Errorf("%s asks %d questions", path.Base(name), len(form.Body))
		}
		for _, question := range form.Body {
			if question.Attributes.Label == "" {
				t.Errorf("%s has a question without words", path.Base(name))
			}
		}
	}
}

func TestEachChangeIsOneSentenceBelowAKindThatKeepAChangelogKnows(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	kind := regexp.MustCompile(`^### (Added|Changed|Deprecated|Removed|Fixed|Security)$`)
	release := regexp.MustCompile(`^## \[(Unreleased|\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2})`)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "### ") && !kind.MatchString(line):
			t.Errorf("not a kind of change: %s", line)
		case strings.HasPrefix(line, "## ") && !release.MatchString(line):
			t.Errorf("not a release: %s", line)
		case strings.HasPrefix(line, "- ") && (!strings.HasSuffix(line, ".") || strings.Contains(line, ". ")):
			t.Errorf("not one sentence: %s", line)
		}
	}
}

func TestTheHookRefusesWhatIsNotFormattedOrFailsItsTestsAndNothingElse(t *testing.T) {
	hook, err := filepath.Abs(filepath.Join(root, ".ci/pre-commit"))
	if err != nil {
		t.Fatal(err)
	}
	const passes, fails = "package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) {}\n",
		"package a\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { t.Fatal(\"lost\") }\n"
	for name, file := range map[string]struct{ text, refusal string }{
		"a/a_test.go":      {passes, ""},
		"b/b.go":           {"package b\n\nfunc  B() {}\n", "not formatted"},
		"c/c_test.go":      {fails, "lost"},
		"d/a b_test.go":    {passes, ""},
		"notes/README.txt": {"no Go\n", ""},
	} {
		dir := t.TempDir()
		run := func(command ...string) (string, error) {
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		for file, text := range map[string]string{"go.mod": "module example\n\ngo 1.24\n", name: file.text} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, command := range [][]string{{"git", "init", "-q"}, {"git", "add", "."}} {
			if out, err := run(command...); err != nil {
				t.Fatal(err, out)
			}
		}
		out, err := run(hook)
		if (err != nil) != (file.refusal != "") || !strings.Contains(out, file.refusal) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The setup takes the versions from .ci/run: it must find the lines.
func TestTheSetupInstallsEachToolThatTheChecksNeedOnce(t *testing.T) {
	cache := t.TempDir()
	fake := map[string]string{"go": `echo "$@" >>"$ASKED"; name=${2%@*}; touch "$GOBIN/${name##*/}"; chmod +x ` +
		`"$GOBIN/${name##*/}"`}
	env := []string{"XDG_CACHE_HOME=" + cache}
	out, err := runScript(t, fake, env, ".ci/setup")
	if err != nil || !strings.Contains(out, "golangci-lint v2.15.0: installed") ||
		!strings.Contains(out, "install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = runScript(t, fake, env, ".ci/setup")
	if err != nil || strings.Contains(out, "installed") || !strings.Contains(out, "golangci-lint v2.15.0: is there") {
		t.Errorf("a second time: %v\n%s", err, out)
	}
}

// The container of an editor that has another Go than the project compiles what nobody else does.
func TestTheDevelopmentContainerHasTheVersionsOfTheProject(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	found := func(pattern, in string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(in)
		if m == nil {
			t.Fatalf("nothing is like %s", pattern)
		}
		return m[1]
	}
	container, module := read(".devcontainer/Dockerfile"), read("go.mod")
	for what, versions := range map[string][2]string{
		"Go":     {found(`FROM golang:([\d.]+)-`, container), found(`toolchain go([\d.]+)`, module)},
		"just":   {found(`JUST=([\d.]+)`, container), found(`rust-just@([\d.]+)`, read(".ci/run"))},
		"Pulumi": {found(`PULUMI=([\d.]+)`, container), found(`pulumi/sdk/v3 v([\d.]+)`, module)},
	} {
		if versions[0] != versions[1] {
			t.Errorf("%s is %s in the container, and %s in the project", what, versions[0], versions[1])
		}
	}
	var settings struct {
		Features     map[string]any
		ForwardPorts []int
	}
	for _, name := range []string{".devcontainer/devcontainer.json", ".vscode/settings.json", ".vscode/extensions.json"} {
		if err := json.Unmarshal([]byte(read(name)), &settings); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for feature := range settings.Features {
		if !regexp.MustCompile(`:\d+\.\d+\.\d+$`).MatchString(feature) {
			t.Errorf("%s may be another one tomorrow", feature)
		}
	}
	compose := read("compose.yaml")
	for _, port := range settings.ForwardPorts {
		if name := strconv.Itoa(port); port != 5002 && !strings.Contains(compose, "127.0.0.1:"+name+":") {
			t.Errorf("port %s is forwarded, and nothing listens there", name)
		}
	}
}
