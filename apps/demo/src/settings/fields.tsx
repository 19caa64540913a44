import { useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
}

interface SelectProps<Value extends string> extends FieldProps {
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, name: string])[];
  readonly onChange: (value: Value) => void;
}

export function Select<Value extends string>({
  label,
  hint,
  value,
  options,
  onChange,
}: SelectProps<Value>): React.JSX.Element {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      {hint === undefined ? null : <p className="hint">{hint}</p>}
    </div>
  );
}

interface NumberProps extends FieldProps {
  readonly value: number | null;
  readonly range: { readonly min: number; readonly max: number; readonly step: number };
  /** Null: the field was emptied. */
  readonly onChange: (value: number | null) => void;
}

export function NumberField({ label, hint, value, range, onChange }: NumberProps): React.JSX.Element {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="number"
        {...range}
        defaultValue={value ?? ''}
        onChange={({ currentTarget }) => {
          if (currentTarget.validity.valid) onChange(currentTarget.value === '' ? null : currentTarget.valueAsNumber);
        }}
      />
      {hint === undefined ? null : <p className="hint">{hint}</p>}
    </div>
  );
}

interface SwitchProps extends FieldProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Switch({ label, hint, checked, onChange }: SwitchProps): React.JSX.Element {
  return (
    <div className="field">
      <label className="switch">
        <input type="checkbox" checked={checked} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
        {label}
      </label>
      {hint === undefined ? null : <p className="hint">{hint}</p>}
    </div>
  );
}
