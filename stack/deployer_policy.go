package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"event-processing-service/stack/review"
)

// policyCharacters is how long a managed policy may be, without white space. A role may have ten policies.
const policyCharacters = 6144

// split cuts a policy between statements into parts that IAM accepts.
func (d document) split() (parts []document) {
	for _, s := range d.Statement {
		if last := len(parts) - 1; last >= 0 {
			longer := policy(append(slices.Clone(parts[last].Statement), s)...)
			if len(longer.JSON()) <= policyCharacters {
				parts[last] = longer
				continue
			}
		}
		parts = append(parts, policy(s))
	}
	return parts
}

// writeDeployerPolicy prints the policies that a stack's deployer needs, one document after the other.
func writeDeployerPolicy(w io.Writer, root, stack string) error {
	g, err := review.Record(root, stack, offlineProgram(), &review.Recorder{})
	if err != nil {
		return err
	}
	d, uncovered := deployerPolicy(g, rightsOf(g))
	if len(uncovered) > 0 {
		return fmt.Errorf("no right is known for %s", strings.Join(uncovered, ", "))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	for _, part := range d.split() {
		if err := encoder.Encode(part); err != nil {
			return fmt.Errorf("write policy: %w", err)
		}
	}
	return nil
}

// rightsOf are the rights for the names that a graph has.
func rightsOf(g review.Graph) []deployerRight {
	account := "*" // any: the program does not know the account
	var name, region string
	var topics []string
	for _, n := range g.Nodes {
		if n.Type == "pulumi:providers:aws" && n.Name == "aws" { // and not one of another region
			region = n.Text("region")
			if only := n.At("allowedAccountIds"); only.IsArray() && len(only.ArrayValue()) == 1 {
				account = only.ArrayValue()[0].StringValue()
			}
		}
	}
	for _, n := range g.Of("msk.Cluster") {
		name = n.Text("clusterName")
	}
	for _, n := range g.Of("cloudcontrol.Resource") {
		topics = append(topics, n.Name)
	}
	var processors []namedProcessor
	for _, n := range g.Of("lambda.Function") {
		if h := n.Text("handler"); h == canaryHandler || h == rotationHandler {
			continue
		}
		id := n.Text("environment", "variables", "PROCESSOR")
		processors = append(processors, namedProcessor{ID: id})
	}
	rights := deployerRights(name, cmp.Or(region, "*"), account, topics, processors)
	for _, table := range g.Of("dynamodb.Table") {
		rights = append(rights, replicaRights(table, cmp.Or(region, "*"), account)...)
	}
	return rights
}
