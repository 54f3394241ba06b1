package processor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryDependencyThatDoesNotAnswerIsNamedAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var deps Deps
		deps.Check("shop", func(context.Context) error { return errNo })
		deps.Check("cache", func(context.Context) error { return nil })
		deps.Check("ledger", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := deps.Run(ctx)
		if want := "check shop: no\ncheck ledger: context deadline exceeded"; err == nil || err.Error() != want ||
			!errors.Is(err, errNo) {
			t.Errorf("the start ends with %v, want\n%s", err, want)
		}
	})
}

func TestHandlersWithoutDependenciesStartAtOnce(t *testing.T) {
	if err := new(Deps).Run(t.Context()); err != nil {
		t.Error(err)
	}
}

func laptop(pairs ...string) *Deps {
	return &Deps{Lookup: func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}}
}

func TestWithoutAStoreOfSecretsTheyAreVariables(t *testing.T) {
	deps := laptop("SHOP_URL", "https://shop.example.com", "SHOP_KEY", "hush", "EMPTY", "")
	if url, err := deps.Env("SHOP_URL"); url != "https://shop.example.com" || err != nil {
		t.Errorf("the variable is %q (%v)", url, err)
	}
	if key, err := deps.Secret(t.Context(), "SHOP_KEY"); key != "hush" || err != nil {
		t.Errorf("the secret is %q (%v)", key, err)
	}
	for _, name := range []string{"EMPTY", "SHOP_KEI"} {
		_, noSecret := deps.Secret(t.Context(), name)
		_, noVariable := deps.Env(name)
		if noSecret == nil || !strings.HasPrefix(noSecret.Error(), "secret "+name+" is not set: declare it") ||
			noVariable == nil || !strings.HasPrefix(noVariable.Error(), name+" is not set: set it") {
			t.Errorf("%s: the errors are %v and %v", name, noSecret, noVariable)
		}
	}
}

func TestWithAStoreOfSecretsNoVariableIsTakenForOne(t *testing.T) {
	deps := laptop("SHOP_KEY", "of the environment")
	deps.Secrets = func(context.Context, string) (string, error) { return "", errNo }
	if key, err := deps.Secret(t.Context(), "SHOP_KEY"); key != "" || !errors.Is(err, errNo) {
		t.Errorf("the secret is %q (%v)", key, err)
	}
}

func TestTheErrorOfAMalformedSecretDoesNotShowItsValue(t *testing.T) {
	var login struct {
		User string `json:"user"`
		Port int8   `json:"port"`
	}
	deps := laptop("GOOD", `{"user":"ada","port":7}`, "TEXT", "hush", "WRONG", `{"user":"ada","port":70123}`)
	if err := deps.SecretJSON(t.Context(), "GOOD", &login); err != nil || login.User != "ada" || login.Port != 7 {
		t.Errorf("the secret is %+v (%v)", login, err)
	}
	for name, want := range map[string]string{
		"TEXT":  "secret TEXT is not JSON of the type that its handler asks for",
		"WRONG": `secret WRONG: its member "port" is not a int8`,
		"NONE": "secret NONE is not set: declare it below processor.uses.secrets in the stack's file, " +
			"or set it here in .env",
	} {
		if err := deps.SecretJSON(t.Context(), name, &login); err == nil || err.Error() != want {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
