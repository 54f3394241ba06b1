package main

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"event-processing-service/archive"
)

// released is what the build noted of a version, and what its signed statement says.
type released struct {
	Function string   `json:"function,omitempty"` // the archive's key, which has its hash
	Source   string   `json:"source,omitempty"`   // the commit that was signed
	Contents []string `json:"contents,omitempty"` // lists of what is inside, by their hashes
	SignedBy string   `json:"signed_by,omitempty"`

	image string
}

// findRelease reads releases/VERSION.json and, where the version is signed, releases/VERSION.sigstore.json. It does not
// check the signature.
func findRelease(ctx context.Context, place archive.Source, version string) (r released, err error) {
	var artifact struct {
		Image    string
		Function struct{ Key string }
	}
	if err := readJSON(ctx, place, "releases/"+version+".json", &artifact); err != nil {
		return r, err
	}
	_, r.image, _ = strings.Cut(artifact.Image, "@")
	r.Function, r.SignedBy = artifact.Function.Key, "nobody"
	signature := "releases/" + version + ".sigstore.json"
	signed := false
	for name, err := range place.List(ctx, signature, "") {
		if err != nil {
			return r, fmt.Errorf("look for a signature: %w", err)
		}
		signed = signed || name == signature
	}
	if !signed {
		return r, nil
	}
	var bundle struct {
		VerificationMaterial struct{ Certificate struct{ RawBytes []byte } }
		DSSEEnvelope         struct{ Payload []byte }
	}
	if err := readJSON(ctx, place, signature, &bundle); err != nil {
		return r, err
	}
	var statement struct {
		Subject []struct {
			Name   string
			Digest struct{ SHA256 string }
		}
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct {
					URI    string
					Digest struct{ GitCommit string }
				}
			}
		}
	}
	if err := json.Unmarshal(bundle.DSSEEnvelope.Payload, &statement); err != nil {
		return r, fmt.Errorf("decode what is signed in %s: %w", signature, err)
	}
	for _, subject := range statement.Subject {
		if strings.HasSuffix(subject.Name, ".spdx.json") {
			r.Contents = append(r.Contents, "releases/"+version+"."+subject.Name+" sha256:"+subject.Digest.SHA256)
		}
	}
	for _, source := range statement.Predicate.BuildDefinition.ResolvedDependencies {
		r.Source = source.URI + "@" + source.Digest.GitCommit
	}
	r.SignedBy, err = signer(bundle.VerificationMaterial.Certificate.RawBytes)
	return r, err
}

// oidcIssuer is Fulcio's extension with the issuer of the token that the certificate was given for:
// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
var oidcIssuer = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}

// signer is the identity in a certificate, and who vouches for it.
func signer(der []byte) (string, error) {
	if len(der) == 0 {
		return "a key", nil
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return "", fmt.Errorf("read the signer's certificate: %w", err)
	}
	who := strings.Join(certificate.EmailAddresses, " ")
	for _, uri := range certificate.URIs {
		who += uri.String()
	}
	for _, extension := range certificate.Extensions {
		var issuer string
		if extension.Id.Equal(oidcIssuer) {
			if _, err := asn1.Unmarshal(extension.Value, &issuer); err != nil {
				return "", fmt.Errorf("read the issuer in the signer's certificate: %w", err)
			}
			who += ", as " + issuer + " says"
		}
	}
	return who, nil
}

func readJSON(ctx context.Context, place archive.Source, name string, into any) error {
	object, err := place.Get(ctx, name)
	if err != nil {
		return err
	}
	defer object.Close()
	text, err := io.ReadAll(io.LimitReader(object, 1<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode %s: %w", name, err)
	}
	return nil
}
