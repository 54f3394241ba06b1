package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAFindingIsAllowedWithAReasonAndUntilADayThatHasNotPassed(t *testing.T) {
	in := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	file := filepath.Join(t.TempDir(), "findings")
	for entry, problem := range map[string]string{
		"grype CVE-1 " + in(0) + " only the build uses it":   "",
		"grype CVE-1 " + in(180) + " only the build uses it": "",
		"\n# grype CVE-1": "",
		"grype CVE-1 " + in(-1) + " only the build uses it":         "ended",
		"grype CVE-1 " + in(190) + " only the build uses it":        "more than half a year away",
		"grype CVE-1 2026-1-1 only the build uses it":               "no end date",
		"grype CVE-1 only the build uses it":                        "no end date",
		"grype CVE-1 " + in(9):                                      "no reason",
		"grype CVE-1 " + in(9) + " it is fine":                      "no reason",
		"lint CVE-1 " + in(9) + " only the build uses it":           "no tool",
		"govulncheck GO-1 " + in(-1) + " another tool's, but ended": "ended",
	} {
		if err := os.WriteFile(file, []byte(entry+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := runScript(t, nil, nil, ".ci/allowed", "grype", file)
		if (err == nil) != (problem == "") || !strings.Contains(out, problem) {
			t.Errorf("%q: want %q: %v\n%s", entry, problem, err, out)
		}
		if strings.HasPrefix(entry, "grype") && problem == "" && out != "CVE-1\n" {
			t.Errorf("%q allows %q", entry, out)
		}
	}
}

func TestEachFindingThatTheProjectAllowsHasItsReasonAndItsDay(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".ci/allowed-findings"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		// That the day has not passed is for .ci/run to say: these tests are for any day.
		if len(fields) < 7 {
			t.Errorf("tool, finding, day and a reason: %s", line)
		} else if _, err := time.Parse(time.DateOnly, fields[2]); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestAScanFailsForWhatIsFoundAndNotAllowed(t *testing.T) {
	p := newPipeline(t)
	store := func(name, text string) { p.write(t, filepath.Join(p.store, name), text) }
	allow := func(line string) { p.write(t, ".ci/allowed-findings", line+"\n") }
	scan := func(want string) {
		t.Helper()
		said, _, err := p.run(t, nil, ".ci/scan", "code")
		if (err == nil) != (want == "") || !strings.Contains(said, want) {
			t.Errorf("want %q: %v\n%s", want, err, said)
		}
	}
	allow("")
	scan("")
	// Of a package that is imported, and of a function that is called.
	store("vulnerabilities", `{"finding":{"osv":"GO-1","trace":[{"module":"m","package":"p"}]}}`)
	scan("")
	store("vulnerabilities", `{"config":{}}{"finding":{"osv":"GO-2","fixed_version":"v2",
		"trace":[{"package":"p","function":"F"}]}}`)
	scan("GO-2 p.F, fixed in v2")
	allow("govulncheck GO-22 " + time.Now().UTC().Format(time.DateOnly) + " it is called in tests alone")
	scan("GO-2 p.F")
	allow("govulncheck GO-2 " + time.Now().UTC().Format(time.DateOnly) + " it is called in tests alone")
	scan("")
	allow("govulncheck GO-2 2026-01-01 it is called in tests alone")
	scan("ended")
}

func TestSecretsAreLookedForInTheHistoryAndTheTreeWithWhatIsAllowed(t *testing.T) {
	p := newPipeline(t)
	said, asked, err := p.run(t, nil, ".ci/scan", "secrets")
	if err != nil || !strings.Contains(asked, " git --no-banner") || !strings.Contains(asked, " dir --no-banner") ||
		!strings.Contains(asked, "targetRules = ['generic-api-key']\npaths = ['''_test\\.go$''']") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
	if said, _, err := p.run(t, nil, ".ci/scan", "viruses"); err == nil || !strings.Contains(said, "is none of") {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestAPullRequestShowsWhatChangesInEachStack(t *testing.T) {
	p := newPipeline(t)
	for _, stack := range []string{"dev", "staging", "prod", "artifacts", "account"} {
		p.write(t, "Pulumi."+stack+".yaml", "config:\n")
		p.write(t, "export-"+stack, "memory: 512\n")
	}
	p.mustRun(t, "git", "add", ".")
	p.mustRun(t, "git", "commit", "-qm", "base")
	p.write(t, "export-prod", "memory: 1024\n")
	p.mustRun(t, "git", "commit", "-qam", "change")
	summary := filepath.Join(p.store, "summary")
	said, _, err := p.run(t, []string{"GITHUB_STEP_SUMMARY=" + summary}, ".ci/plan-diff", "HEAD^1")
	if err != nil || strings.Count(said, "-memory: 512") != 1 || strings.Count(said, "+memory: 1024") != 1 ||
		!strings.Contains(said, "### prod\nidle 100.00 USD a month, +0.00\n```diff\n") || p.read(t, "summary") != said {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestTheEngineIsInstalledInTheVersionThatTheProgramIsWrittenFor(t *testing.T) {
	p := newPipeline(t)
	p.write(t, "go.mod", "module m\n\nrequire (\n\tgithub.com/pulumi/pulumi/sdk/v3 v3.9.1\n)\n")
	p.write(t, "pulumi/pulumi", "#!/bin/sh\necho installed \"$@\"\n")
	p.mustRun(t, "tar", "-czf", filepath.Join(p.store, "download"), "pulumi")
	path := filepath.Join(p.store, "path")
	env := []string{"HOME=" + t.TempDir(), "GITHUB_PATH=" + path, "PULUMI_BACKEND=s3://state"}
	said, asked, err := p.run(t, env, ".ci/pulumi")
	if err != nil || said != "installed login s3://state\n" || !strings.HasSuffix(p.read(t, "path"), "/pulumi\n") ||
		!strings.Contains(asked, "/pulumi-v3.9.1-linux-x64.tar.gz") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
}

func TestWhatAStackRunsIsScannedByItsListsOfContents(t *testing.T) {
	p := newPipeline(t)
	for _, list := range []string{"image", "function"} {
		p.write(t, filepath.Join(p.store, releases+"v1.0.0."+list+".spdx.json"), "{}")
	}
	outputs := filepath.Join(p.store, "outputs")
	p.write(t, outputs, `{"artifact":{"version":"v1.0.0",
		"image":"123456789012.dkr.ecr.eu-west-1.amazonaws.com/events@sha256:abc"}}`)
	said, asked, err := p.run(t, nil, ".ci/scan-deployed", "prod")
	if err != nil || strings.Count(asked, "sbom:dist/") != 2 {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
	p.write(t, filepath.Join(p.store, "matches"), `{"matches":[{"vulnerability":{"id":"CVE-2026-1","severity":"Critical",
		"fix":{"versions":["2"]}},"artifact":{"name":"zlib","version":"1"}}]}`)
	if said, _, err := p.run(t, nil, ".ci/scan-deployed", "prod"); err == nil || !strings.Contains(said, "CVE-2026-1") {
		t.Errorf("%v\n%s", err, said)
	}
	p.write(t, outputs, `{"apiUrl":"u"}`)
	if said, asked, err := p.run(t, nil, ".ci/scan-deployed", "dev"); err != nil || strings.Contains(asked, "sbom:") {
		t.Errorf("a stack that builds: %v\n%s%s", err, said, asked)
	}
}
