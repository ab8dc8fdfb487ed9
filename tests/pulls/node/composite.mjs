// Runs a composite action as a GitHub runner does, one step after the other, on GitHub's own parser
// and evaluator: `node composite.mjs ACTION_DIR JOB.json`. The job says {inputs, github, env, runner,
// files}; on standard output is what the steps printed, in files.result what came of it, as JSON.
// Steps with `uses:` are refused: the action has none.
import {spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {data, Evaluator, Lexer, Parser, wellKnownFunctions} from '@actions/expressions';
import {NoOperationTraceWriter} from '@actions/workflow-parser';
import {parseAction} from '@actions/workflow-parser/actions/action-parser';
import {convertActionTemplate} from '@actions/workflow-parser/actions/action-template';
import YAML from 'yaml';

const CONTEXTS = ['inputs', 'github', 'env', 'steps', 'runner', 'job', 'strategy', 'matrix'];
const FILES = ['OUTPUT', 'ENV', 'PATH', 'STEP_SUMMARY', 'STATE'];
const SHELLS = {
  bash: ['bash', '--noprofile', '--norc', '-e', '-o', 'pipefail', '{0}'],
  sh: ['sh', '-e', '{0}'],
};

const [folder, jobFile] = process.argv.slice(2);
const job = JSON.parse(fs.readFileSync(jobFile, 'utf8'));
const file = path.join(folder, 'action.yml');
const text = fs.readFileSync(file, 'utf8');
const action = parsed();
const state = {status: 'success', env: {...job.env}, paths: [], steps: {}, summary: '', log: []};

function parsed() {
  const found = parseAction({name: file, content: text}, new NoOperationTraceWriter());
  const errors = found.context.errors.getErrors();
  if (errors.length || !found.value) {
    for (const error of errors) console.error(error.message);
    process.exit(2);
  }
  return convertActionTemplate(found.context, found.value);
}

function evaluated(expression, inputs, env = {}) {
  const values = {
    inputs, github: job.github, env: {...state.env, ...env}, steps: state.steps, runner: job.runner,
    job: {status: state.status}, strategy: {}, matrix: {},
  };
  const context = new data.Dictionary();
  for (const name of CONTEXTS) context.add(name, JSON.parse(JSON.stringify(values[name]), data.reviver));
  const states = {
    success: () => state.status === 'success', failure: () => state.status === 'failure',
    always: () => true, cancelled: () => false,
  };
  const functions = new Map(Object.entries(wellKnownFunctions));
  for (const [name, is] of Object.entries(states)) {
    functions.set(name, {name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(is())});
  }
  const tokens = new Lexer(expression).lex().tokens;
  const tree = new Parser(tokens, CONTEXTS, [...functions.values()]).parse();
  return new Evaluator(tree, context, functions).evaluate();
}

function rendered(token, inputs, env) {
  if (token == null) return '';
  if (token.isExpression) return evaluated(token.expression, inputs, env).coerceString();
  return String(token.value ?? token.toString());
}

function wanted(step, inputs) {
  const given = step.if?.expression ?? step.if?.value ?? step.if ?? 'success()';
  const bare = String(given).replace(/^\s*\$\{\{|\}\}\s*$/g, '');
  const asks = /\b(success|failure|always|cancelled)\s*\(/i.test(bare);
  const value = JSON.parse(JSON.stringify(evaluated(asks ? bare : `success() && (${bare})`, inputs), data.replacer));
  return !(value === false || value === 0 || value === '' || value === null);
}

// name=value and name<<delimiter, as the runner reads $GITHUB_OUTPUT and $GITHUB_ENV
function assignments(content) {
  const found = {}, lines = content.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (!line) continue;
    const equals = line.indexOf('='), here = line.indexOf('<<');
    if (here > 0 && (equals < 0 || here < equals)) {
      const end = line.slice(here + 2), value = [];
      while (++i < lines.length && lines[i] !== end) value.push(lines[i]);
      if (i >= lines.length) throw new Error(`matching delimiter not found '${end}'`);
      found[line.slice(0, here)] = value.join('\n');
    } else if (equals > 0) found[line.slice(0, equals)] = line.slice(equals + 1);
    else throw new Error(`invalid format '${line}'`);
  }
  return found;
}

function variables() {
  const names = Object.entries(job.github).filter(([name, value]) => name !== 'token' && typeof value !== 'object');
  return Object.fromEntries(names.map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, String(value)]));
}

function run(step, id, inputs) {
  if (step.uses) throw new Error(`uses: ${step.uses} is not for this runner`);
  const raw = YAML.parse(text).runs.steps[action.runs.steps.indexOf(step)];
  const env = {};
  for (const {key, value} of step.env ?? []) env[key.toString()] = rendered(value, inputs);
  const files = Object.fromEntries(FILES.map((name) => [`GITHUB_${name}`, path.join(job.runner.temp, `${id}-${name}`)]));
  for (const one of Object.values(files)) fs.writeFileSync(one, '');
  const script = path.join(job.runner.temp, `${id}.sh`);
  fs.writeFileSync(script, rendered(step.run, inputs, env));
  const [program, ...words] = SHELLS[raw.shell].map((word) => word.replace('{0}', script));
  const done = spawnSync(program, words, {
    cwd: job.github.workspace, encoding: 'utf8', maxBuffer: 1 << 28,
    env: {
      PATH: [...state.paths, process.env.PATH].join(':'), HOME: process.env.HOME, CI: 'true', GITHUB_ACTIONS: 'true',
      RUNNER_OS: job.runner.os, RUNNER_TEMP: job.runner.temp, RUNNER_TOOL_CACHE: job.runner.tool_cache,
      ...variables(), ...files, ...state.env, ...env,
    },
  });
  process.stdout.write((done.stdout ?? '') + (done.stderr ?? ''));
  const read = (name) => fs.readFileSync(files[`GITHUB_${name}`], 'utf8');
  Object.assign(state.env, assignments(read('ENV')));
  state.paths = [...read('PATH').split('\n').filter(Boolean).reverse(), ...state.paths];
  state.summary += read('STEP_SUMMARY');
  const conclusion = done.status === 0 || raw['continue-on-error'] ? 'success' : 'failure';
  if (conclusion === 'failure') state.status = 'failure';
  state.log.push({id, code: done.status, env: Object.keys(env), output: (done.stdout ?? '') + (done.stderr ?? '')});
  return {outputs: assignments(read('OUTPUT')), outcome: done.status === 0 ? 'success' : 'failure', conclusion};
}

const inputs = {};
for (const one of action.inputs ?? []) {
  inputs[one.id] = one.id in job.inputs ? String(job.inputs[one.id]) : rendered(one.default, {});
}
const unknown = Object.keys(job.inputs).filter((name) => !(name in inputs));
for (const [number, step] of action.runs.steps.entries()) {
  const id = step.id || `step-${number}`;
  const skipped = {outputs: {}, outcome: 'skipped', conclusion: 'skipped'};
  state.steps[id] = wanted(step, inputs) ? run(step, id, inputs) : skipped;
}
const outputs = {};
for (const one of action.outputs ?? []) outputs[one.id] = rendered(one.value, inputs);
fs.writeFileSync(job.result, JSON.stringify({status: state.status, outputs, unknown, summary: state.summary, log: state.log}));
