package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

func TestTheAccountsStackRegistersWhatItsGoldenShowsAndBreaksNoRule(t *testing.T) {
	g := recorded(t, "account", false)
	for _, finding := range g.Findings() {
		t.Error(finding)
	}
	var tree bytes.Buffer
	review.WriteTree(&tree, g, true)
	golden(t, "account.tree", tree.Bytes())
}

func TestEachWatchOfTheAccountIsAChoice(t *testing.T) {
	brings := map[string]string{"guardDuty": "guardduty.Detector", "inspector": "inspector2.Enabler",
		"securityHub": "securityhub.Account"}
	for key, short := range brings {
		if g := recordedWith(t, "account", in("account", key, nil)); len(g.Of(short)) > 0 {
			t.Errorf("without account.%s there is a %s", key, short)
		}
	}
	g := recordedWith(t, "account", both(in("account", "config", nil), in("account", "securityHub", nil)))
	if len(g.Of("cfg.Recorder"))+len(g.Of("s3.BucketV2")) > 0 {
		t.Error("without account.config changes are recorded")
	}
}

func TestConfigRecordsOnlyIntoAChannelThatThereIs(t *testing.T) {
	g := recorded(t, "account", false)
	for _, edge := range [][3]string{{"cfg.RecorderStatus", "changes", "DeliveryChannel::changes"},
		{"cfg.DeliveryChannel", "changes", "BucketPolicy::config-history"},
		{"securityhub.Account", "findings", "RecorderStatus::changes"}} {
		waits := find(t, g, edge[0], edge[1]).DependsOn
		if !slices.ContainsFunc(waits, func(urn string) bool { return strings.Contains(urn, edge[2]) }) {
			t.Errorf("%s does not wait for %s", edge[0], edge[2])
		}
	}
}

func TestAMistakeInTheAccountsStackIsReportedByItsKey(t *testing.T) {
	for want, change := range map[string]func(*review.StackConfig){
		"account.securityHub: needs account.config":       in("account", "config", nil),
		"account.guardduty: no such key":                  in("account", "guardduty", true),
		"kafka: is not for the stack of the account":      at(ns+"kafka", `{"brokers":3}`),
		"encryption: is not for the stack of the account": at(ns+"encryption", `{"customerKeys":true}`),
	} {
		_, err := review.RecordConfig(root, "account", changed(t, "account", change), offlineProgram(), &review.Recorder{})
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
