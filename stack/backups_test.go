package main

import (
	"slices"
	"strings"
	"testing"

	"event-processing-service/stack/review"
)

// withChange records a stack with one change made to its file.
func withChange(t *testing.T, stack string, change func(*review.StackConfig)) review.Graph {
	t.Helper()
	g, err := review.RecordConfig(root, stack, changed(t, stack, change), offlineProgram(), &review.Recorder{})
	if err != nil {
		t.Fatal(err)
	}
	if findings := g.Findings(); len(findings) > 0 {
		t.Errorf("it breaks rules: %q", findings)
	}
	return g
}

// anObject sets one of the configuration's objects as a whole.
func anObject(object, json string) func(*review.StackConfig) { return at(ns+object, json) }

func TestBackupsAreOffUntilAStacksFileAsksForThem(t *testing.T) {
	for _, short := range []string{"backup.Vault", "backup.Plan", "backup.Selection", "backup.RestoreTestingPlan"} {
		if n := len(recorded(t, "dev", false).Of(short)); n > 0 {
			t.Errorf("dev has %d of %s", n, short)
		}
	}
	g := withChange(t, "dev", anObject("backup", `{"enabled":true}`))
	if len(g.Of("backup.Selection")) != 1 || len(g.Of("backup.RestoreTestingPlan")) != 0 {
		t.Error("with backups alone there is no selection, or there are tests")
	}
	plan := find(t, g, "backup.Plan", "backups").At("rules").ArrayValue()
	for i, days := range []float64{35, 365} {
		if got := plan[i].ObjectValue()["lifecycle"].ObjectValue()["deleteAfter"].NumberValue(); got != days {
			t.Errorf("rule %d keeps its backups for %v days", i, got)
		}
		if _, copied := plan[i].ObjectValue()["copyActions"]; copied {
			t.Errorf("rule %d copies, and nobody asked for it", i)
		}
	}
}

func TestACopyOfABackupLiesInAnotherRegion(t *testing.T) {
	g := withChange(t, "prod", in("backup", "copyTo", "us-west-2"))
	other := find(t, g, "backup.Vault", "backups-us-west-2")
	if !strings.Contains(other.Provider, "::aws-us-west-2::") || !other.Protect {
		t.Errorf("the other vault is on %s, protected: %t", other.Provider, other.Protect)
	}
	if home := find(t, g, "backup.Vault", "backups"); !strings.Contains(home.Provider, "::aws::") {
		t.Errorf("the vault is on %s", home.Provider)
	}
	for _, rule := range find(t, g, "backup.Plan", "backups").At("rules").ArrayValue() {
		copies := rule.ObjectValue()["copyActions"].ArrayValue()
		if len(copies) != 1 || !strings.Contains(copies[0].ObjectValue()["destinationVaultArn"].StringValue(),
			"backups-us-west-2") {
			t.Errorf("%v copies to %v", rule.ObjectValue()["ruleName"], copies)
		}
	}
	for _, right := range []string{"arn:aws:dynamodb:us-west-2:", "backup-vault:backups-us-west-2"} {
		role := map[bool]string{true: "restore", false: "backup"}[strings.Contains(right, "dynamodb")]
		if !strings.Contains(find(t, g, "iam.RolePolicy", role).Text("policy"), right) {
			t.Errorf("the role %s has no right on %s", role, right)
		}
	}
	d, uncovered := deployerPolicy(g, rightsOf(g))
	if len(uncovered) > 0 || !strings.Contains(d.JSON(), "arn:aws:kafka:us-east-1:") {
		t.Errorf("its deployer lacks %q, or has rights in the other region alone", uncovered)
	}
}

func TestAMistakeInWhatOutlivesARegionIsReportedByItsKey(t *testing.T) {
	for _, tc := range []struct {
		change func(*review.StackConfig)
		want   string
	}{
		{anObject("backup", `{"restoreTests":true}`),
			"backup.enabled: is not true, and backup.copyTo and backup.restoreTests need backups"},
		{in("backup", "copyTo", "us-east-1"),
			"backup.copyTo: is the stack's own region, us-east-1, which a copy has to outlive"},
		{in("backup", "copyTo", "Oregon"), `backup.copyTo: must be a region like us-west-2, is "Oregon"`},
		{in("retention", "backupDays", 0), "retention.backupDays: must be 1 or more, is 0"},
		{anObject("store", `{"replicas":["us-east-1"]}`),
			"store.replicas: is the stack's own region, us-east-1, which a copy has to outlive"},
		{anObject("store", `{"replicas":["us-west-2","us-west-2"]}`), "store.replicas: lists us-west-2 twice"},
		{anObject("store", `{"replicas":[""]}`), `store.replicas: must be regions like us-west-2, is ""`},
		{anObject("store", `{"table":"a b"}`), `store.table: must be a table's name, is "a b"`},
		{anObject("store", `{"table":"events","replicas":["us-west-2"]}`), "store.replicas: are those of a table that the " +
			"stack makes, and store.table names another's: set them where events is made"},
		{at(ns+"standby", "yes"), `standby: must be true or false, is "yes"`},
		{in("edge", "failover", "third"), `edge.failover: must be primary or secondary, or left out, is "third"`},
	} {
		t.Run(tc.want, func(t *testing.T) {
			_, err := review.RecordConfig(root, "prod", changed(t, "prod", tc.change), offlineProgram(), &review.Recorder{})
			if err == nil || !strings.Contains(err.Error(), "1 problem(s)") || !strings.Contains(err.Error(), "\n"+tc.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAReplicatedTableIsCopiedWithItsProtectionAndItsDeployersRights(t *testing.T) {
	g := withChange(t, "prod", anObject("store", `{"replicas":["us-west-2"]}`))
	table := find(t, g, "dynamodb.Table", "events")
	replica := table.At("replicas").ArrayValue()[0].ObjectValue()
	if replica["regionName"].StringValue() != "us-west-2" || !replica["pointInTimeRecovery"].BoolValue() ||
		!table.Is("streamEnabled") || table.Text("streamViewType") != "NEW_AND_OLD_IMAGES" {
		t.Errorf("the table is replicated by %v", table.Inputs)
	}
	d, _ := deployerPolicy(g, rightsOf(g))
	if !slices.ContainsFunc(d.Statement, func(s statement) bool {
		return s.Sid == "Replicas" && slices.Contains(s.Resource,
			"arn:aws:dynamodb:us-west-2:*:table/event-processing-service-events")
	}) {
		t.Error("its deployer may not make the replica")
	}
}
