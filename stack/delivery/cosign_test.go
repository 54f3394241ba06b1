package delivery

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realSigner is a pipeline with the real cosign, whose signatures a key of its own makes.
func realSigner(t *testing.T) pipeline {
	t.Helper()
	cosign := os.Getenv("COSIGN")
	if cosign == "" {
		t.Skip("COSIGN names no cosign: .ci/signing builds it, and runs this")
	}
	p := newPipeline(t)
	link := filepath.Join(p.tools, filepath.Base(cosign))
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cosign, link); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "COSIGN_PASSWORD=", "COSIGN_KEY=cosign.key")
	p.mustRun(t, cosign, "generate-key-pair")
	p.write(t, "Pulumi.artifacts.yaml", "config:\n  project:artifacts:\n    signingKey: cosign.pub # made for the test\n")
	p.mustRun(t, "git", "commit", "-qam", "a key")
	return p
}

func TestCosignRefusesWhateverIsNotAsTheKeySignedIt(t *testing.T) {
	p := realSigner(t)
	if said, _, err := p.run(t, nil, ".ci/publish", "v1.0.0"); err != nil {
		t.Fatal(err, said)
	}
	verify := func(want string) {
		t.Helper()
		said, _, err := p.run(t, nil, "stack/verify", "dist/artifact.json")
		if (err == nil) != (want == "") || !strings.Contains(said, want) {
			t.Errorf("want %q: %v\n%s", want, err, said)
		}
	}
	verify("")
	bundle := filepath.Join(p.store, releases+"v1.0.0.sigstore.json")
	signed := p.read(t, releases+"v1.0.0.sigstore.json")
	payload := signed[strings.Index(signed, `"payload":"`)+len(`"payload":"`):][:40]
	p.write(t, bundle, strings.Replace(signed, payload[20:], payload[:20], 1))
	verify("is not signed by --key cosign.pub")
	p.write(t, bundle, signed)

	first := p.mustRun(t, "cat", "dist/artifact.json")
	image := strings.TrimSpace(p.mustRun(t, "jq", "-r", ".image", "dist/artifact.json"))
	other := image[:len(image)-4] + "0000"
	p.write(t, "dist/artifact.json", strings.Replace(first, image, other, 1))
	verify("sha256:" + strings.Split(other, "sha256:")[1] + " is not signed")
	p.write(t, "dist/artifact.json", first)

	p.mustRun(t, "rm", "cosign.key", "cosign.pub")
	p.mustRun(t, os.Getenv("COSIGN"), "generate-key-pair")
	verify("is not signed by --key cosign.pub")
}

func TestTheRealSignerIsTriedInTheVersionThatReleasesAreSignedWith(t *testing.T) {
	p := newPipeline(t)
	said, asked, err := p.run(t, nil, ".ci/signing")
	if err != nil || !strings.Contains(asked, "go test -count=1 -v -run Cosign ./stack/delivery\nCOSIGN=") ||
		!strings.Contains(asked, "/cosign-v3.1.3\n") {
		t.Errorf("%v\n%s%s", err, said, asked)
	}
}
