package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smoke is what a smoke test sends as its key, on a stack whose keys are stored so.
func (p pipeline) smoke(t *testing.T, env ...string) (key, said string, err error) {
	t.Helper()
	said, asked, err := p.run(t, append([]string{"SECRET=stack/api-keys", "API_KEY="}, env...), "stack/smoke", "dev")
	_, key, sent := strings.Cut(asked, "API_KEY=")
	if sent != (err == nil) || sent && !strings.Contains(asked, "send --url https://api.example --type smoke.test") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
	return strings.TrimSpace(key), said, err
}

func TestASmokeTestUsesTheFirstKeyThatIsStoredAsItIs(t *testing.T) {
	p := newPipeline(t)
	for keys, want := range map[string]string{
		`{"shop":["old-key","new-key"],"other":"other-key"}`:                                         "new-key",
		`{"a":"sha256:00","b":{"keys":["sha256:01","k2"]},"c":"k3"}`:                                 "k2",
		`{"a":{"keys":[{"key":"k1","expires":"2020-01-01T00:00:00Z"}],"sources":["/s"]},"b":["k2"]}`: "k2",
	} {
		p.write(t, filepath.Join(p.store, "secrets/stack/api-keys"), keys)
		if key, said, err := p.smoke(t); key != want || err != nil {
			t.Errorf("of %s it takes %q: %v\n%s", keys, key, err, said)
		}
	}
	if key, said, err := p.smoke(t, "SECRET="); key != "" || err != nil {
		t.Errorf("a stack without keys: it takes %q: %v\n%s", key, err, said)
	}
	p.write(t, filepath.Join(p.store, "secrets/stack/api-keys"), `{"shop":{"keys":["sha256:00"],"limit":"100/1s"}}`)
	if _, said, err := p.smoke(t); err == nil || !strings.Contains(said, "`just pipeline-key dev` makes one") {
		t.Errorf("hashes alone: %v\n%s", err, said)
	}
}

func TestThePipelineHasAKeyOfItsOwnWhichIsReplacedOnDemand(t *testing.T) {
	p := newPipeline(t)
	stored := filepath.Join(p.store, "secrets/stack/pipeline-key")
	give := func(want string) {
		t.Helper()
		said, asked, err := p.run(t, []string{"SECRET=stack/api-keys"}, "stack/pipeline-key", "staging")
		if err != nil || !strings.Contains(asked, want) || !strings.Contains(asked, " --secret stack/api-keys") {
			t.Fatalf("%v\n%s%s", err, said, asked)
		}
		text, err := os.ReadFile(stored)
		if err != nil || strings.Contains(asked, string(text)) {
			t.Errorf("the key %q is an argument, or is not stored: %v", text, err)
		}
	}
	p.write(t, filepath.Join(p.store, "clients"), `{"client":"shop"}`)
	give("keys add pipeline --source /load-test --type smoke.test --type load.test --limit 5000/1s")
	if key, said, err := p.smoke(t); key != "key by add" {
		t.Errorf("a smoke test takes %q: %v\n%s", key, err, said)
	}
	p.write(t, filepath.Join(p.store, "clients"), `{"client":"shop"}{"client":"pipeline"}`)
	give("keys rotate pipeline --overlap 1h")
	if key, said, err := p.smoke(t); key != "key by rotate" {
		t.Errorf("a smoke test takes %q: %v\n%s", key, err, said)
	}
	if said, _, err := p.run(t, []string{"SECRET="}, "stack/pipeline-key", "dev"); err == nil ||
		!strings.Contains(said, "asks for no keys") {
		t.Errorf("a stack without keys: %v\n%s", err, said)
	}
}

func TestALoadTestOfTheNightIsComparedWithTheOneBefore(t *testing.T) {
	p := newPipeline(t)
	p.write(t, filepath.Join(p.store, "outputs"), `{"artifact":{"image":"`+
		`123456789012.dkr.ecr.us-east-1.amazonaws.com/events@sha256:00"}}`)
	// The script of the stack has tests of its own; here it shows what it is given.
	p.write(t, "stack/load-test", `#!/usr/bin/env bash
echo "$1 against $(cat "$RESULTS_DIR/results-$1.json" 2>/dev/null || echo nothing), $RESULT_AT"
[ "$MEASURED" != slow ] || exit 1
echo "$MEASURED" >"$RESULTS_DIR/results-$1.json"
`)
	const object = "events-releases-123456789012/measured/staging/load-test.json"
	for _, night := range []struct{ measured, against, kept string }{
		{"first", "nothing", "first"}, {"second", "first", "second"}, {"slow", "second", "second"},
		{"third", "second", "third"},
	} {
		said, _, err := p.run(t, []string{"MEASURED=" + night.measured}, ".ci/load-test", "staging")
		if (err == nil) != (night.measured != "slow") ||
			!strings.Contains(said, "staging against "+night.against+", s3://"+object) {
			t.Errorf("%s: %v\n%s", night.measured, err, said)
		}
		if kept := strings.TrimSpace(p.read(t, object)); kept != night.kept {
			t.Errorf("after the %s result, %q is kept", night.measured, kept)
		}
	}
	p.write(t, filepath.Join(p.store, "outputs"), `{}`)
	if said, _, err := p.run(t, nil, ".ci/load-test", "staging"); err == nil ||
		!strings.Contains(said, "staging runs no artifact") {
		t.Errorf("%v\n%s", err, said)
	}
}
